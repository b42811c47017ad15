//! Lock-free rings of records of one size: one end pushes, the other pops.
//!
//! The classic queue of Lamport (1983) with the far position cached at each end (`FastForward` and
//! `MCRingBuffer` made that usual): an end looks at the other's line only where the ring seems full
//! or empty. A record is some bytes; chunks of them move in at most two copies. Moving, publishing
//! and waking are three calls, so that a batch pays for one of each, and so that whoever counts can
//! do so between the first two.

mod consumer;
mod gauge;
mod layout;
mod producer;
mod shared;
mod slots;

use std::sync::Arc;

pub use consumer::Consumer;
pub use gauge::Gauge;
pub use layout::{MAX_BOUND, MAX_RECORD_BYTES, Shape, ShapeError};
pub use producer::Producer;
pub use slots::Memory;

use crate::parker::Parker;
use shared::Shared;

/// The two ends of a new ring, which lies in `memory`.
///
/// `ready` is where the consumer waits for records, `space` where the producer waits for room. They
/// may be shared with others that the same thread waits for: a wake-up is a hint.
///
/// # Panics
/// Where `memory` is smaller than [`Shape::bytes`] says.
#[must_use]
pub fn ring(
    shape: Shape,
    memory: Box<dyn Memory>,
    ready: Arc<Parker>,
    space: Arc<Parker>,
) -> (Producer, Consumer) {
    let shared = Arc::new(Shared::new(shape, memory, ready, space));
    (Producer::new(Arc::clone(&shared)), Consumer::new(shared))
}
