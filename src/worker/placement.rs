//! On which core a worker's thread is woken.
//!
//! A thread that sleeps is woken fastest on the core of whoever wakes it and sleeps then: a core with
//! nothing to do has fallen asleep itself, and waking it takes tens of microseconds, more yet where
//! the machine is a guest. A thread that is to be at work while its caller runs needs a core of its
//! own. The scheduler knows neither of them, and may be slow to part two that take turns.
//!
//! Which cores a thread may use is changed for that moment only, and only within what it may use.

use std::sync::Mutex;

use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

/// A thread that may be moved as long as it runs.
#[derive(Debug, Default)]
pub(super) struct Placement {
    /// The thread, while it runs: when it has ended, another may have its number.
    thread: Mutex<Option<Pid>>,
}

impl Placement {
    /// The calling thread is the one; to be followed by [`Self::leave`] before it ends.
    pub(super) fn enter(&self) {
        self.set(Some(gettid()));
    }

    pub(super) fn leave(&self) {
        self.set(None);
    }

    /// Lets the thread run on another core than this one, where it may.
    pub(super) fn part(&self) {
        drop(self.keep(|allowed| {
            let mut others = *allowed;
            others.unset(this_core_index());
            (others.count() > 0).then_some(others)
        }));
    }

    /// Lets the thread run on this core until the end of the value, where it may.
    pub(super) fn join(&self) -> Option<Kept<'_>> {
        let core = this_core_index();
        self.keep(|allowed| {
            let mut here = CpuSet::new();
            here.set(core);
            allowed.is_set(core).then_some(here)
        })
    }

    /// Keeps the thread on what `choose` makes of the cores it may use.
    fn keep(&self, choose: impl FnOnce(&CpuSet) -> Option<CpuSet>) -> Option<Kept<'_>> {
        let thread = self.thread.lock().expect("no holder panics");
        let id = (*thread)?;
        let allowed = sched_getaffinity(Some(id)).ok()?; // refused in some sandboxes
        sched_setaffinity(Some(id), &choose(&allowed)?).ok()?;
        Some(Kept {
            placement: self,
            allowed,
        })
    }

    fn set(&self, thread: Option<Pid>) {
        *self.thread.lock().expect("no holder panics") = thread;
    }
}

/// Cores that a thread may use again at the end of this value.
pub(super) struct Kept<'placement> {
    placement: &'placement Placement,
    allowed: CpuSet,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        let thread = self.placement.thread.lock().expect("no holder panics");
        if thread.is_some() {
            // Refused only where those cores were taken away meanwhile; the system gave others then.
            let _refused = sched_setaffinity(*thread, &self.allowed);
        }
    }
}

/// The core that the calling thread runs on, or did just now.
pub(super) fn this_core() -> u32 {
    u32::try_from(this_core_index()).unwrap_or_default()
}

fn this_core_index() -> usize {
    sched_getcpu()
}
