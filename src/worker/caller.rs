//! How a caller waits for a reply that is about to come.

use std::time::{Duration, Instant};

use super::hints::Whereabouts;
use super::thread::Worker;
use crate::sync::{AtomicU32, Ordering};

/// How long a caller looks for a reply while the worker is at work on another core.
const LOOK: Duration = Duration::from_micros(5);
/// Looks at the queue between two looks at the clock and at what the worker does.
const LOOKS: u32 = 64;
/// How long it sleeps for a reply: enough for a worker that has to be woken on another core.
const SLEEP: Duration = Duration::from_micros(150);
/// After so many waits in vain, one in as many callers waits.
const VAIN: u32 = 4;
const ONE_IN: u32 = 16;
/// A sleep that took longer, with the worker asleep on another core, was long for that.
const FAR: Duration = Duration::from_micros(30);

/// What a caller who has no reply had better do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prospect {
    /// Collect it: it is there now.
    Here,
    /// Sleep for it a moment, see [`Worker::sleep_for_reply`].
    Soon,
    /// Do something else until the worker tells.
    Later,
}

/// What callers of one worker have learned. Hints, each of them: every ordering is Relaxed. Writers:
/// callers, one at a time.
#[derive(Debug)]
pub(super) struct Experience {
    /// Waits in vain since the last one that was not, and those passed over since.
    vain: AtomicU32,
    /// Whether it takes long to wake the worker on another core: 0 or 1.
    is_far: AtomicU32,
    /// Whether there is a second core, so that a reply may come while the caller looks.
    looks: bool,
}

impl Experience {
    pub(super) fn of_this_machine() -> Self {
        Self {
            vain: AtomicU32::new(0),
            is_far: AtomicU32::new(0),
            looks: std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1),
        }
    }

    /// Whether to try once more.
    fn is_worth_it(&self) -> bool {
        let vain = self.vain.load(Ordering::Relaxed);
        if vain < VAIN || vain.is_multiple_of(ONE_IN) {
            return true;
        }
        self.vain.store(vain.wrapping_add(1), Ordering::Relaxed);
        false
    }

    fn waited(&self, found: bool) {
        let vain = self.vain.load(Ordering::Relaxed);
        if vain > 0 || !found {
            let vain = if found { 0 } else { vain.wrapping_add(1) };
            self.vain.store(vain, Ordering::Relaxed);
        }
    }
}

impl Worker {
    /// Looks a few microseconds for a reply where the thread is at work beside the caller, and says
    /// what else may be done. Never waits for a kernel that has no messages.
    #[must_use]
    pub fn look_for_reply(&self) -> Prospect {
        if self.hints().is_slow() || !self.experience.is_worth_it() {
            return Prospect::Later;
        }
        let is_beside = self.hints().meet() == Whereabouts::Beside;
        if is_beside && self.experience.looks && self.look() {
            self.experience.waited(true);
            return Prospect::Here;
        }
        if !self.mailbox.is_idle() {
            return Prospect::Soon;
        }
        if self.mailbox.has_reply() {
            return Prospect::Here; // made just before the thread came to rest
        }
        Prospect::Later
    }

    /// Sleeps a moment for a reply; whether there is one. One caller at a time.
    #[must_use]
    pub fn sleep_for_reply(&self) -> bool {
        let begin = Instant::now();
        let is_elsewhere = self.hints().meet() == Whereabouts::Elsewhere;
        let is_far = &self.experience.is_far;
        let together = is_elsewhere && is_far.load(Ordering::Relaxed) == 1;
        let held = together.then(|| self.placement().join());
        let found = self.sleep_until(begin + SLEEP);
        drop(held);
        if is_elsewhere && !together {
            is_far.store((begin.elapsed() > FAR).into(), Ordering::Relaxed);
        }
        self.experience.waited(found);
        found
    }

    fn sleep_until(&self, expiry: Instant) -> bool {
        while !self.mailbox.has_reply() {
            let left = expiry.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            self.mailbox.waits().receiver.park_at_once(Some(left));
        }
        true
    }

    fn look(&self) -> bool {
        let enough = Instant::now() + LOOK;
        loop {
            for _ in 0..LOOKS {
                if self.mailbox.has_reply() {
                    return true;
                }
                std::hint::spin_loop();
            }
            if self.mailbox.is_idle() || Instant::now() >= enough {
                return self.mailbox.has_reply(); // made just before it came to rest, perhaps
            }
        }
    }
}
