//! How long nothing was heard of who reads a device.

use std::time::{Duration, Instant};

/// Most that one look adds. Between two looks lies a fraction of it; where more
/// lies there, this process itself did not run (a halted machine, one that is
/// far too busy), and could not hear.
const MOST: Duration = Duration::from_millis(500);

/// Time without a sign of life, counted from look to look.
#[derive(Debug)]
pub(crate) struct Silence {
    so_far: Duration,
    looked: Instant,
}

impl Silence {
    pub(crate) fn new() -> Self {
        Self {
            so_far: Duration::ZERO,
            looked: Instant::now(),
        }
    }

    /// How long it is now; `heard`: there was a sign of life since the last look.
    pub(crate) fn look(&mut self, heard: bool) -> Duration {
        self.look_at(Instant::now(), heard)
    }

    fn look_at(&mut self, now: Instant, heard: bool) -> Duration {
        let passed = now.saturating_duration_since(self.looked).min(MOST);
        self.looked = now;
        self.so_far = if heard {
            Duration::ZERO
        } else {
            self.so_far.saturating_add(passed)
        };
        self.so_far
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_is_the_time_in_which_somebody_listened() {
        let mut silence = Silence::new();
        let begin = silence.looked;
        let mut at = |ms, heard| {
            let now = begin.checked_add(Duration::from_millis(ms)).unwrap();
            silence.look_at(now, heard).as_millis()
        };
        assert_eq!(at(100, false), 100);
        assert_eq!(at(300, false), 300);
        assert_eq!(at(400, true), 0);
        assert_eq!(at(500, false), 100);
        // The machine stood still for a minute.
        assert_eq!(at(60_500, false), 600);
        assert_eq!(at(60_600, false), 700);
    }
}
