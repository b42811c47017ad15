//! Where a message waits: the bounded queue of a mailbox whose messages are objects.
//!
//! Nothing here locks, waits or counts. The owner holds whatever guards the queue (for Python
//! references the interpreter lock), and the exclusive borrow stands for it.

mod entry;
mod lanes;
mod priority_queue;

pub use entry::{Entry, Sample, TraceSlot};
pub use priority_queue::{NORMAL_PRIORITY, PriorityQueue};
