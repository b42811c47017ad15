//! On which core a worker's thread is woken.
//!
//! A thread that sleeps is woken fastest on the core of whoever wakes it and sleeps then: a core with
//! nothing to do has fallen asleep itself, and waking it takes tens of microseconds, more yet where
//! the machine is a guest. A thread that is to be at work while its caller runs needs a core of its
//! own. The scheduler knows neither of them, and may be slow to part two that take turns.
//!
//! Which cores a thread may use is changed for that moment only, and only within what it may use.
//! Never while it runs a handler: threads that this makes would have inherited the change.

use std::sync::{Mutex, MutexGuard};

use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

use super::brief;

/// A thread that may be moved as long as it runs.
#[derive(Debug, Default)]
pub(super) struct Placement(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The thread, while it runs: when it has ended, another may have its number.
    thread: Option<Pid>,
    is_asleep: bool,
    held: Option<Hold>,
}

/// What a thread may use, and those of them that it is held on.
#[derive(Debug)]
struct Hold {
    allowed: CpuSet,
    on: CpuSet,
}

impl Placement {
    /// The calling thread is the one; to be followed by [`Self::leave`] before it ends.
    pub(super) fn enter(&self) {
        self.state().thread = Some(gettid());
    }

    pub(super) fn leave(&self) {
        self.state().thread = None;
    }

    /// Lets `sleep` put the thread, which calls this, to sleep. Then it may use all cores again.
    pub(super) fn while_asleep(&self, sleep: impl FnOnce()) {
        self.state().is_asleep = true;
        sleep();
        let mut state = self.state();
        state.is_asleep = false;
        state.let_go();
    }

    /// Moves the thread, which calls this, to another core than it is on, where it may use one.
    pub(super) fn part(&self) {
        let mut state = self.state();
        state.hold(|allowed| {
            let mut others = *allowed;
            others.unset(sched_getcpu());
            (others.count() > 0).then_some(others)
        });
        state.let_go();
    }

    /// Lets the thread wake on this core, where it may and is asleep, until the end of the value.
    pub(super) fn join(&self) -> Held<'_> {
        let core = sched_getcpu();
        let mut state = self.state();
        if state.is_asleep {
            state.hold(|allowed| {
                let mut here = CpuSet::new();
                here.set(core);
                allowed.is_set(core).then_some(here)
            });
        }
        Held(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        brief::lock(&self.0)
    }
}

impl State {
    /// Holds the thread on what `choose` makes of the cores it may use.
    fn hold(&mut self, choose: impl FnOnce(&CpuSet) -> Option<CpuSet>) {
        let Some(allowed) = self.thread.and_then(|id| sched_getaffinity(Some(id)).ok()) else {
            return; // refused in some sandboxes
        };
        let Some(on) = choose(&allowed) else {
            return;
        };
        if sched_setaffinity(self.thread, &on) == Ok(()) {
            self.held = Some(Hold { allowed, on });
        }
    }

    /// Lets the thread use all that it may; where it is not held on the same cores any more, somebody
    /// else has chosen others for it, as `taskset` does, and those stay.
    fn let_go(&mut self) {
        if let (Some(id), Some(hold)) = (self.thread, self.held.take())
            && sched_getaffinity(Some(id)) == Ok(hold.on)
        {
            // Refused only where those cores were taken away just now; the system gave others then.
            let _refused = sched_setaffinity(Some(id), &hold.allowed);
        }
    }
}

/// A thread that wakes on one core until the end of this value.
pub(super) struct Held<'placement>(&'placement Placement);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.state().let_go();
    }
}

/// The core that the calling thread runs on, or did just now.
pub(super) fn this_core() -> u32 {
    u32::try_from(sched_getcpu()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(core: usize) -> CpuSet {
        let mut cores = CpuSet::new();
        cores.set(core);
        cores
    }

    /// Plays a thread that is held on this core while it sleeps; what it may use afterwards.
    fn after_a_hold(meanwhile: impl FnOnce(CpuSet)) -> CpuSet {
        let allowed = sched_getaffinity(None).unwrap();
        let placement = Placement::default();
        placement.enter();
        placement.while_asleep(|| {
            let held = placement.join();
            meanwhile(allowed);
            drop(held);
        });
        placement.leave();
        let left = sched_getaffinity(None).unwrap();
        sched_setaffinity(None, &allowed).unwrap();
        left
    }

    #[test]
    fn a_thread_that_was_held_may_use_what_it_could_before() {
        let left = after_a_hold(|_| assert_eq!(sched_getaffinity(None).unwrap().count(), 1));
        assert_eq!(left, sched_getaffinity(None).unwrap());
    }

    #[test]
    fn what_others_chose_for_a_thread_that_is_held_stays() {
        let mut chosen = CpuSet::new();
        let left = after_a_hold(|allowed| {
            let here = sched_getcpu(); // and nowhere else, for it is held
            let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
            chosen = cores.find(|core| *core != here).map_or(allowed, only);
            sched_setaffinity(None, &chosen).unwrap();
        });
        assert_eq!(left, chosen);
    }
}
