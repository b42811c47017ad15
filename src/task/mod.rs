//! The task of a kernel, which a caller that waits for a reply may run up to where it parks.
//!
//! The task is asyncio's own, so that cancelling, naming, listing, timeouts and groups are
//! asyncio's own too. What it runs is a [`Stepper`], a coroutine around the kernel's. While the
//! kernel waits for a message the task waits for a [`Parking`], and goes on doing so while callers
//! run the kernel through the stepper: it hears of what they did only when the kernel stops
//! elsewhere. No Python frame of ours runs while the current task is exchanged, so an exception
//! that a signal handler raises cannot tear the exchange.

#![allow(
    clippy::doc_markdown,
    clippy::needless_pass_by_value,
    reason = "docstrings here are Python's, and PyO3 hands arguments over by value"
)]

mod asyncio;
mod budget;
mod home;
mod owed;
mod parking;
mod phase;
mod place;
mod stepper;

pub(crate) use asyncio::prepare;
pub(crate) use budget::set_turn_budget;
pub(crate) use home::Home;
pub(crate) use parking::Parking;
pub(crate) use phase::Ran;
pub(crate) use place::Place;
pub(crate) use stepper::Stepper;

/// A reference to any Python object.
type Object = pyo3::Py<pyo3::PyAny>;
