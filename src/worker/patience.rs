//! How long a worker looks for a message before it sleeps.

use std::time::{Duration, Instant};

use super::thread::Shared;

/// How long it looks where messages come quickly one after the other: about what a sleep and a
/// wake-up from another core cost together.
const LOOK: Duration = Duration::from_micros(50);
/// A wait that took no longer was short, for one with a sleep in it: looking may do next time.
const SHORT: Duration = Duration::from_micros(200);
/// Looks between two looks at the clock.
const LOOKS: u32 = 64;
/// After a look in vain so many waits pass without one, and twice as many after each that follows.
const FIRST_PAUSE: u32 = 1;
const LONGEST_PAUSE: u32 = 64;

/// After so many short waits on its caller's core a worker moves to another, and once more after so
/// many others if it is there again.
const MOVE: u32 = 4;
const MOVE_AGAIN: u32 = 256;

/// A worker that was woken soon looks before it sleeps again, unless looks were in vain of late. One
/// that waited long sleeps at once, and so does every one where a single core would have to bring
/// the message meanwhile.
///
/// To look where it is no use costs more than the time: looking while the caller runs takes a second
/// core, and there the thread is woken the next time too, which on a core that fell asleep takes ten
/// times as long as on the caller's own.
#[derive(Debug)]
pub(super) struct Patience {
    looks: bool,
    was_short: bool,
    /// Waits to come without a look.
    to_pass: u32,
    /// How many those will be after the next look in vain.
    pause: u32,
    /// Short waits on the caller's core, since the last one elsewhere.
    crowded: u32,
}

impl Patience {
    pub(super) fn for_this_machine() -> Self {
        Self {
            looks: std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1),
            was_short: false,
            to_pass: 0,
            pause: FIRST_PAUSE,
            crowded: 0,
        }
    }

    /// Waits by looking whether `is_over`, where that may do, and then by `sleep`.
    pub(super) fn wait(
        &mut self,
        shared: &Shared,
        is_over: impl Fn() -> bool,
        sleep: impl FnOnce(),
    ) {
        let begin = Instant::now();
        if self.may_look() && self.has_room(shared) && self.look(is_over, begin + LOOK) {
            return;
        }
        sleep();
        self.was_short = begin.elapsed() <= SHORT;
    }

    fn may_look(&mut self) -> bool {
        let is_passing = self.to_pass > 0;
        self.to_pass = self.to_pass.saturating_sub(1);
        self.looks && self.was_short && !is_passing
    }

    /// Whether the thread has another core than its caller, who could not run while it looks.
    fn has_room(&mut self, shared: &Shared) -> bool {
        if shared.hints.is_with_caller() {
            self.crowded = self.crowded.wrapping_add(1);
            if self.crowded % MOVE_AGAIN != MOVE {
                return false;
            }
            shared.placement.part();
            return !shared.hints.is_with_caller();
        }
        self.crowded = 0;
        true
    }

    fn look(&mut self, is_over: impl Fn() -> bool, until: Instant) -> bool {
        if look(is_over, until) {
            self.pause = FIRST_PAUSE;
            return true;
        }
        self.to_pass = self.pause;
        self.pause = LONGEST_PAUSE.min(2 * self.pause);
        false
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
