//! What a worker lets its callers know, so that they wait well.

use super::placement::this_core;
use crate::sync::{AtomicU32, Ordering};

const NOWHERE: u32 = u32::MAX;
const ASLEEP: u32 = 1 << 31;

/// Nothing but time rests on them, so every ordering is Relaxed. They are read each message and hardly
/// ever written, on cache lines of their own.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Hints {
    /// The core where the thread was awake last, with `ASLEEP` while it sleeps. Writer: the thread.
    core: AtomicU32,
    /// The core where a caller was who waited for a reply last. Writers: callers, one at a time.
    caller: AtomicU32,
    /// Whether it took long for the messages handled last: 0 or 1. Writer: the thread.
    is_slow: AtomicU32,
}

/// Where a worker is, seen from a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// Awake on another core: what it does, it does at once.
    Beside,
    /// Not running, for the caller has its core.
    Here,
    /// Asleep, or just being woken, on another core.
    Elsewhere,
}

impl Default for Hints {
    fn default() -> Self {
        Self {
            core: AtomicU32::new(NOWHERE),
            caller: AtomicU32::new(NOWHERE),
            is_slow: AtomicU32::new(0),
        }
    }
}

impl Hints {
    pub(super) fn fall_asleep(&self) {
        self.core.store(this_core() | ASLEEP, Ordering::Relaxed);
    }

    /// The thread is awake, on this core.
    pub(super) fn stay_awake(&self) {
        let core = this_core();
        if self.core.load(Ordering::Relaxed) != core {
            self.core.store(core, Ordering::Relaxed);
        }
    }

    pub(super) fn set_slow(&self, is_slow: bool) {
        if self.is_slow() != is_slow {
            self.is_slow.store(is_slow.into(), Ordering::Relaxed);
        }
    }

    /// A caller waits, on this core; where the worker is.
    pub(super) fn meet(&self) -> Whereabouts {
        let (here, core) = (this_core(), self.core.load(Ordering::Relaxed));
        if self.caller.load(Ordering::Relaxed) != here {
            self.caller.store(here, Ordering::Relaxed);
        }
        match (core & !ASLEEP == here, core & ASLEEP == 0) {
            (true, _) => Whereabouts::Here,
            (false, true) => Whereabouts::Beside,
            (false, false) => Whereabouts::Elsewhere,
        }
    }

    /// Whether a caller waited last on the core of the thread.
    pub(super) fn is_with_caller(&self) -> bool {
        self.caller.load(Ordering::Relaxed) == this_core()
    }

    pub(super) fn is_slow(&self) -> bool {
        self.is_slow.load(Ordering::Relaxed) == 1
    }
}
