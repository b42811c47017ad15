//! How much callers may run kernels between two turns of their loop.

use std::cell::Cell;
use std::hint::black_box;

use pyo3::prelude::*;

use super::asyncio::{handled_exception, is_deep};
use crate::clock::Clock;

/// Steps that callers may make between two turns of a loop, so that all others are served.
const STEPS: u32 = 128;

/// Nanoseconds after the first of these steps in which more may follow.
const STEPS_NS: u64 = 1_000_000;

/// Kernels that may run on top of each other.
const MAX_DEPTH: u32 = 8;

/// C stack that may be in use, counted from where the loop last ran a kernel itself.
const MAX_STACK_BYTES: usize = 256 << 10;

/// What has been used up in this thread since its loop last turned. One loop runs in it at a time.
struct Turn {
    steps: Cell<u32>,
    steps_ns: Cell<u64>,
    home: Cell<usize>,
    left: Cell<u32>,
    deadline_ns: Cell<u64>,
    refill_due_ns: Cell<u64>,
    depth: Cell<u32>,
    /// Where the C stack was when the loop last ran a kernel.
    base: Cell<usize>,
    /// The exception that was handled then: a program may have been started while handling one.
    handled: Cell<usize>,
}

thread_local! {
    static TURN: Turn = const {
        Turn {
            steps: Cell::new(STEPS),
            steps_ns: Cell::new(STEPS_NS),
            home: Cell::new(0),
            left: Cell::new(STEPS),
            deadline_ns: Cell::new(u64::MAX),
            refill_due_ns: Cell::new(0),
            depth: Cell::new(0),
            base: Cell::new(0),
            handled: Cell::new(0),
        }
    };
}

/// Whether a caller may run a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum May {
    /// It may.
    Run,
    /// It may, and the budget has to be refilled at the loop's next turn.
    RunFirst,
    /// Not from where it is: in another thread, on a deep stack, handling an exception.
    NotHere,
    /// Not before the loop has turned.
    NotNow,
    /// The same, and nobody is known to refill the budget then.
    NotNowNorLater,
}

/// Notes that the loop at address `home` runs a kernel itself, in this thread.
pub(super) fn enter_from_loop(py: Python<'_>, home: usize) {
    TURN.with(|turn| {
        if turn.home.replace(home) != home {
            turn.left.set(turn.steps.get());
            turn.deadline_ns.set(u64::MAX);
        }
        turn.base.set(stack_position());
        turn.handled.set(handled_exception(py));
    });
}

/// Spends one step of the loop at address `home`, where it may be spent.
pub(super) fn spend(py: Python<'_>, home: usize) -> PyResult<May> {
    TURN.with(|turn| {
        if !turn.is_fit(py, home) {
            return Ok(May::NotHere);
        }
        let left = turn.left.get();
        if left == turn.steps.get() {
            if is_deep(py)? {
                return Ok(May::NotHere);
            }
            let now_ns = Clock::System.monotonic_ns();
            turn.deadline_ns
                .set(now_ns.saturating_add(turn.steps_ns.get()));
            turn.left.set(left - 1);
            return Ok(May::RunFirst);
        }
        if left == 0 || Clock::System.monotonic_ns() > turn.deadline_ns.get() {
            return Ok(turn.not_now());
        }
        if is_deep(py)? {
            return Ok(May::NotHere);
        }
        turn.left.set(left - 1);
        Ok(May::Run)
    })
}

/// Runs a kernel on top of the caller.
pub(super) fn one_deeper<R>(work: impl FnOnce() -> R) -> R {
    TURN.with(|turn| {
        turn.depth.set(turn.depth.get() + 1);
        let result = work();
        turn.depth.set(turn.depth.get() - 1);
        result
    })
}

/// Set how many steps, in how many seconds, callers in this thread may run kernels between two turns
/// of its loop, as ever where left out; for measurements on a machine that is slowed down, and for
/// tests.
#[pyfunction]
#[pyo3(signature = (steps = 128, seconds = None))]
pub(crate) fn set_turn_budget(steps: u32, seconds: Option<u32>) {
    let steps_ns = seconds.map_or(STEPS_NS, |seconds| u64::from(seconds) * 1_000_000_000);
    TURN.with(|turn| {
        turn.steps.set(steps);
        turn.steps_ns.set(steps_ns);
    });
    refill();
}

/// The loop has turned.
#[pyfunction]
pub(super) fn refill_budget(_argument: &Bound<'_, PyAny>) {
    refill();
}

fn refill() {
    TURN.with(|turn| {
        turn.left.set(turn.steps.get());
        turn.deadline_ns.set(u64::MAX);
        turn.refill_due_ns.set(0);
    });
}

impl Turn {
    fn is_fit(&self, py: Python<'_>, home: usize) -> bool {
        self.home.get() == home
            && self.depth.get() < MAX_DEPTH
            && self
                .base
                .get()
                .wrapping_sub(stack_position())
                .wrapping_add(4096)
                <= MAX_STACK_BYTES
            && matches!(handled_exception(py), handled if handled == 0 || handled == self.handled.get())
    }

    /// Refused; a refill that was lost (an exception of a signal handler) is asked for again.
    fn not_now(&self) -> May {
        let now_ns = Clock::System.monotonic_ns();
        if now_ns < self.refill_due_ns.get() {
            return May::NotNow;
        }
        self.refill_due_ns
            .set(now_ns.saturating_add(self.steps_ns.get()));
        May::NotNowNorLater
    }
}

#[inline(never)]
fn stack_position() -> usize {
    let here = 0_u8;
    black_box(&raw const here) as usize
}
