//! The endpoint is asked while the disks are read.

use asl_config::Endpoint;
use asl_facts::Remote;
use std::cell::OnceCell;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// Longest wait for an endpoint, from the start of the scan.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the end of the asking itself may take.
const GRACE: Duration = Duration::from_millis(500);

/// A question under way.
pub(crate) struct Question {
    endpoint: String,
    asked: Instant,
    answers: Receiver<Remote>,
    seen: OnceCell<Remote>,
}

impl Question {
    /// Asks in a thread of its own, which may be late.
    pub(crate) fn ask(endpoint: Endpoint) -> Self {
        let (sender, answers) = mpsc::channel();
        let text = endpoint.text.clone();
        let work = move || {
            // Nobody waits any more: then there is a store here.
            let _ = sender.send(asl_remote::probe(&endpoint, PATIENCE));
        };
        if let Err(error) = thread::Builder::new().name("remote".to_owned()).spawn(work) {
            tracing::warn!("no thread to ask {text}: {error}");
        }
        Self {
            endpoint: text,
            asked: Instant::now(),
            answers,
            seen: OnceCell::new(),
        }
    }

    /// The answer if it is here.
    pub(crate) fn answer_so_far(&self) -> Remote {
        self.wait(Duration::ZERO)
            .unwrap_or_else(|| Remote::NotProbed {
                endpoint: self.endpoint.clone(),
            })
    }

    /// The answer, or that there was none in time.
    pub(crate) fn answer(&self) -> Remote {
        let end = PATIENCE.saturating_add(GRACE);
        self.wait(end.saturating_sub(self.asked.elapsed()))
            .unwrap_or_else(|| Remote::Silent {
                endpoint: self.endpoint.clone(),
                why: format!("no answer within {} s", PATIENCE.as_secs()),
            })
    }

    fn wait(&self, time: Duration) -> Option<Remote> {
        if let Some(seen) = self.seen.get() {
            return Some(seen.clone());
        }
        let answer = self.answers.recv_timeout(time).ok()?;
        Some(self.seen.get_or_init(|| answer).clone())
    }
}
