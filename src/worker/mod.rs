//! Native threads that run a handler over a mailbox of records. They never touch the interpreter.
//!
//! A [`Worker`] takes messages, hands each to its [`Handler`] and puts what comes back into the
//! output queue. Where a loop of events asked for it by the worker's [`Signal`], it is told by its
//! [`Bell`].

mod batch;
mod bell;
mod brief;
mod caller;
mod handler;
mod hints;
mod patience;
mod placement;
mod serving;
mod signal;
mod thread;

pub use bell::{Bell, Rope};
pub use caller::Prospect;
pub use handler::Handler;
pub use signal::{News, Signal};
pub use thread::Worker;
