//! Whether somebody wants to hear that something has changed.

use crate::sync::{AtomicU32, Ordering};

/// What changes at a worker, and somebody may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum News {
    /// Room for messages.
    Room = 1,
    /// A reply, or an error in its place.
    Reply = 2,
    /// The worker has nothing to do, or waits for room for its replies.
    Rest = 4,
}

/// A word that both sides change by read-modify-write, so that one of them comes first: who wants
/// to be told and then looks in vain is told; see `docs/memory_ordering.md`.
#[derive(Debug)]
#[repr(align(128))]
pub struct Signal {
    /// The news that somebody wants, a bit each. Written by the worker and by whoever waits for it,
    /// by read-modify-write only.
    wanted: AtomicU32,
}

impl Default for Signal {
    fn default() -> Self {
        Self {
            wanted: AtomicU32::new(0),
        }
    }
}

impl Signal {
    /// Asks to be told of these news. Look after this: what changed before is seen.
    pub fn want(&self, news: News) {
        // Acquire: pairs with the Release in `take`.
        self.wanted.fetch_or(news as u32, Ordering::Acquire);
    }

    /// There are such news; whether somebody is to be told, who then is told once.
    #[must_use]
    pub fn take(&self, news: News) -> bool {
        let bit = news as u32;
        // Release: pairs with the Acquire in `want`.
        self.wanted.fetch_and(!bit, Ordering::Release) & bit != 0
    }
}
