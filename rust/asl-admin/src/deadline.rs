//! Work with a deadline: rule 1.
//!
//! The boot waits for preflight, so an answer must come even when a read
//! never returns or a reader panics. The work is done in a thread that is
//! left to itself when its time is over: a thread in an uninterruptible read
//! cannot be ended.

use std::any::Any;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// How the work may prolong its own time, once it knows how long it may take.
pub(crate) struct Deadline(Sender<Message<()>>);

impl Deadline {
    /// From now on `more` is left.
    pub(crate) fn extend(&self, more: Duration) {
        // Nobody waits any more: then the time was over already.
        let _ = self.0.send(Message::More(more));
    }
}

enum Message<T> {
    More(Duration),
    Done(T),
}

/// Does `work` within `first`, or within what it asks for later. Else says
/// what became of it.
pub(crate) fn within<T: Send + 'static>(
    first: Duration,
    work: impl FnOnce(&Deadline) -> T + Send + 'static,
) -> Result<T, String> {
    let (more, requests) = mpsc::channel();
    let (done, results) = mpsc::channel();
    let worker = thread::Builder::new()
        .name("preflight".to_owned())
        .spawn(move || {
            let deadline = Deadline(more);
            // The receiver may have given up; then nobody wants the result.
            let _ = done.send(work(&deadline));
            let _ = deadline.0.send(Message::Done(()));
        })
        .map_err(|error| format!("no thread: {error}"))?;
    let mut allowed = first;
    let mut since = Instant::now();
    loop {
        match requests.recv_timeout(allowed.saturating_sub(since.elapsed())) {
            Ok(Message::More(more)) => {
                allowed = more;
                since = Instant::now();
            }
            Err(RecvTimeoutError::Timeout) => {
                return Err(format!("no answer within {} s", allowed.as_secs()));
            }
            // Done, or gone without a word: it panicked.
            Ok(Message::Done(())) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    match worker.join() {
        Ok(()) => results.recv().map_err(|_| "no result".to_owned()),
        Err(panic) => Err(format!("a panic: {}", words(panic.as_ref()))),
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_ends_gives_its_result() {
        assert_eq!(within(Duration::from_secs(5), |_| 7), Ok(7));
    }

    #[test]
    fn a_panic_becomes_words() {
        let result = within(Duration::from_secs(5), |_| -> u8 { panic!("oh {}", 1) });
        assert_eq!(result, Err("a panic: oh 1".to_owned()));
    }

    #[test]
    fn work_that_hangs_is_left() {
        let started = Instant::now();
        let result = within(Duration::from_millis(50), |_| {
            thread::sleep(Duration::from_secs(20));
        });
        assert!(result.is_err_and(|why| why.starts_with("no answer")));
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn work_may_ask_for_more_time() {
        let result = within(Duration::from_millis(50), |deadline| {
            deadline.extend(Duration::from_secs(20));
            thread::sleep(Duration::from_millis(200));
        });
        assert_eq!(result, Ok(()));
    }
}
