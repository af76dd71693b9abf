//! Threads: one per device, some at a time. None is waited for that gives no
//! sign of life, or past its deadline.

use crate::inside;
use crate::jail::Reader;
use crate::root::Root;
use crate::silence::Silence;
use crate::work::{BUDGET, Patience, Task};
use asl_facts::{Device, IoFault, Look, Probe};
use asl_probe::Meter;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Devices that are read at once: enough to hide the seeks of disks behind
/// each other; more gained nothing when measured.
const AT_ONCE: usize = 16;
/// How often sysfs is listed and deadlines are looked at.
const TICK: Duration = Duration::from_millis(50);
/// The readers recurse little; a forged tree may make them recurse more.
const STACK: usize = 8 << 20;

/// How long one device is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Longest time in which nothing could be read. A machine that is slow or
    /// busy takes its time for what a sick disk never ends.
    pub(crate) silence: Duration,
    /// Longest time, however well it reads.
    pub(crate) deadline: Duration,
}

impl Limits {
    /// For who asked for this one device, and waits for it.
    pub(crate) fn patient(self) -> Self {
        Self {
            silence: self.silence.saturating_mul(6),
            deadline: self.deadline.saturating_mul(6),
        }
    }

    /// Four fifths, for a child: the rest is for a machine so busy that to end
    /// the child and to say so takes its time.
    fn of_children(self) -> Self {
        let most = |time: Duration| time.saturating_sub(time.checked_div(5).unwrap_or_default());
        Self {
            silence: most(self.silence),
            deadline: most(self.deadline),
        }
    }
}

/// Reads one device.
type Job<A> = Box<dyn FnOnce(Patience) -> A + Send>;

/// Why a thread gave no answer.
pub(crate) enum Lost {
    Late { after_ms: u64 },
    Panicked,
    NotStarted(String),
}

impl From<Lost> for Probe {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Late { after_ms } => Probe::TimedOut { after_ms },
            Lost::Panicked => failed("the probe panicked"),
            Lost::NotStarted(error) => failed(&error),
        }
    }
}

impl From<Lost> for Look {
    fn from(lost: Lost) -> Self {
        inside::unreadable(match lost {
            Lost::Late { after_ms } => format!("no answer within {after_ms} ms"),
            Lost::Panicked => "the reader panicked".to_owned(),
            Lost::NotStarted(error) => error,
        })
    }
}

/// Threads, and their answers by the names of what they work on.
pub(crate) struct Threads<A = Probe> {
    limits: Limits,
    waiting: VecDeque<(String, Job<A>)>,
    running: BTreeMap<String, Running>,
    done: BTreeMap<String, A>,
    sender: Sender<(String, A)>,
    answers: Receiver<(String, A)>,
}

struct Running {
    since: Instant,
    given_up: Arc<AtomicBool>,
    meter: Arc<Meter>,
    /// Its pulse when that was last seen to have grown.
    pulse: u64,
    silence: Silence,
}

impl Running {
    fn is_late(&mut self, limits: &Limits) -> bool {
        let before = std::mem::replace(&mut self.pulse, self.meter.pulse());
        let silence = self.silence.look(self.pulse != before);
        silence >= limits.silence || self.since.elapsed() >= limits.deadline
    }
}

impl<A: From<Lost> + Send + 'static> Threads<A> {
    /// Each is waited for within `limits`.
    pub(crate) fn new(limits: Limits) -> Self {
        let (sender, answers) = channel();
        Self {
            limits,
            waiting: VecDeque::new(),
            running: BTreeMap::new(),
            done: BTreeMap::new(),
            sender,
            answers,
        }
    }

    pub(crate) fn add(&mut self, name: &str, job: impl FnOnce(Patience) -> A + Send + 'static) {
        self.waiting.push_back((name.to_owned(), Box::new(job)));
    }

    pub(crate) fn set(&mut self, name: &str, answer: A) {
        self.done.insert(name.to_owned(), answer);
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<A> {
        self.done.remove(name)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    pub(crate) fn finish(&mut self) {
        while !self.is_idle() {
            self.step();
        }
    }

    /// Starts what there is room for and takes in answers for one tick.
    pub(crate) fn step(&mut self) {
        self.start();
        match self.answers.recv_timeout(TICK) {
            Ok(answer) => {
                self.answered(answer);
                while let Ok(answer) = self.answers.try_recv() {
                    self.answered(answer);
                }
            }
            // The pool keeps a sender, so nobody disconnects.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        self.give_up();
    }

    fn start(&mut self) {
        while self.running.len() < AT_ONCE {
            let Some((name, job)) = self.waiting.pop_front() else {
                return;
            };
            let given_up = Arc::new(AtomicBool::new(false));
            let meter = Arc::new(Meter::new(BUDGET, given_up.clone()));
            let since = Instant::now();
            let limits = self.limits.of_children();
            let patience = Patience {
                meter: meter.clone(),
                silence: limits.silence,
                // Beyond the clock's end: no time at all.
                until: since.checked_add(limits.deadline).unwrap_or(since),
            };
            let answer_name = name.clone();
            let sender = self.sender.clone();
            let spawned = thread::Builder::new()
                .name(format!("probe {name}"))
                .stack_size(STACK)
                .spawn(move || {
                    let answer = catch_unwind(AssertUnwindSafe(|| job(patience)));
                    let answer = answer.unwrap_or_else(|_| Lost::Panicked.into());
                    // Nobody listens any more after the deadline.
                    let _ = sender.send((answer_name, answer));
                });
            match spawned {
                Ok(_) => {
                    let running = Running {
                        since,
                        given_up,
                        meter,
                        pulse: 0,
                        silence: Silence::new(),
                    };
                    self.running.insert(name, running);
                }
                Err(error) => self.set(&name, Lost::NotStarted(error.to_string()).into()),
            }
        }
    }

    fn answered(&mut self, (name, answer): (String, A)) {
        // An answer after the deadline is too late: it was given up.
        if self.running.remove(&name).is_some() {
            self.done.insert(name, answer);
        }
    }

    /// A read that hangs in the kernel cannot be ended. Its thread stays
    /// behind, and the process goes on and exits without it.
    fn give_up(&mut self) {
        let limits = self.limits;
        let late = self
            .running
            .extract_if(.., |_, running| running.is_late(&limits));
        for (name, running) in late {
            running.given_up.store(true, Ordering::Relaxed);
            let after_ms = u64::try_from(running.since.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.done.insert(name, Lost::Late { after_ms }.into());
        }
    }
}

impl Threads {
    /// `reader` looks inside, or the device's own thread does.
    pub(crate) fn add_device(&mut self, root: &Root, device: &Device, reader: Option<&Reader>) {
        let task = Task::of(root, device, reader);
        self.add(&device.name, move |patience| task.run(&patience));
    }
}

fn failed(error: &str) -> Probe {
    Probe::Failed(IoFault {
        offset: None,
        error: error.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use asl_probe::{Metered, ReadAt};

    fn limits(silence: u64, deadline: u64) -> Limits {
        Limits {
            silence: Duration::from_millis(silence),
            deadline: Duration::from_millis(deadline),
        }
    }

    fn read() -> Probe {
        Probe::Read {
            reads: 0,
            bytes: 0,
            blank: false,
            faults: Vec::new(),
            signatures: Vec::new(),
        }
    }

    #[test]
    fn hanging_devices_are_given_up_and_hold_up_nobody() {
        let started = Instant::now();
        let mut pool = Threads::new(limits(200, 60_000));
        for hanging in 0..40 {
            pool.add(&format!("hang{hanging}"), |_| {
                thread::sleep(Duration::from_millis(800));
                // The late answer of a device that woke up.
                read()
            });
        }
        pool.add("sound", |_| read());
        pool.finish();
        assert_eq!(pool.take("sound"), Some(read()));
        for hanging in 0..40 {
            assert!(matches!(
                pool.take(&format!("hang{hanging}")),
                Some(Probe::TimedOut { after_ms: 200.. })
            ));
        }
        // Three rounds of 16.
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    /// Gets on until somebody gives up.
    fn lively(patience: &Patience) -> Probe {
        let dev = Metered::with(vec![0; 512], patience.meter.clone());
        while dev.read_at(0, &mut [0]).is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
        read()
    }

    #[test]
    fn who_gets_on_is_waited_for_until_the_deadline() {
        let mut pool = Threads::new(limits(300, 1500));
        pool.add("endless", |patience| lively(&patience));
        pool.add("slow", |patience| {
            for _ in 0..10 {
                thread::sleep(Duration::from_millis(60));
                patience.meter.alive();
            }
            read()
        });
        pool.finish();
        assert_eq!(pool.take("slow"), Some(read()));
        let endless = pool.take("endless");
        assert!(
            matches!(endless, Some(Probe::TimedOut { after_ms: 1500.. })),
            "{endless:?}"
        );
    }

    #[test]
    fn a_panic_is_a_failure_of_its_device_only() {
        let mut pool = Threads::new(limits(5000, 5000));
        pool.add("broken", |_| panic!("as the test wants it"));
        pool.add("sound", |_| read());
        pool.finish();
        assert_eq!(pool.take("broken"), Some(failed("the probe panicked")));
        assert_eq!(pool.take("sound"), Some(read()));
    }
}
