//! How long a worker looks for a message before it sleeps.

use std::time::{Duration, Instant};

/// How long it looks where messages come quickly one after the other: about as long as a caller
/// takes who had to be woken for the reply before.
const LOOK: Duration = Duration::from_micros(100);
/// A wait that took no longer was short: another one may be.
const SHORT: Duration = Duration::from_micros(200);
/// Looks between two looks at the clock.
const LOOKS: u32 = 64;

/// A worker that was woken soon looks longer before it sleeps again; one that waited long sleeps at
/// once, and so does every one where a single core would have to bring the message meanwhile.
#[derive(Debug)]
pub(super) struct Patience {
    looks: bool,
    was_short: bool,
}

impl Patience {
    pub(super) fn for_this_machine() -> Self {
        let looks = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
        Self {
            looks,
            was_short: false,
        }
    }

    /// Waits by looking whether `is_over`, where the last wait was short, and then by `sleep`.
    pub(super) fn wait(&mut self, is_over: impl Fn() -> bool, sleep: impl FnOnce()) {
        let begin = Instant::now();
        if !(self.was_short && self.looks && look(&is_over, begin + LOOK)) {
            sleep();
        }
        self.was_short = begin.elapsed() <= SHORT;
    }
}

fn look(is_over: impl Fn() -> bool, until: Instant) -> bool {
    loop {
        for _ in 0..LOOKS {
            if is_over() {
                return true;
            }
            std::hint::spin_loop();
        }
        if Instant::now() >= until {
            return false;
        }
    }
}
