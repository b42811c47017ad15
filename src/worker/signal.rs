//! Whether somebody wants to hear that something has changed.

use crate::sync::{AtomicU32, Ordering};

/// Nobody asked since the last change.
const QUIET: u32 = 0;
/// Somebody wants to be told of the next change.
const WANTED: u32 = 1;

/// A word that both sides change by read-modify-write, so that one of them comes first: who wants
/// to be told and then looks in vain is told; see `docs/memory_ordering.md`.
#[derive(Debug)]
pub struct Signal {
    /// Written by the worker and by whoever waits for it, by read-modify-write only.
    state: AtomicU32,
}

impl Default for Signal {
    fn default() -> Self {
        Self {
            state: AtomicU32::new(QUIET),
        }
    }
}

impl Signal {
    /// Asks to be told of the next change. Look after this: what changed before is seen.
    pub fn want(&self) {
        // Acquire: pairs with the Release in `take`.
        self.state.swap(WANTED, Ordering::Acquire);
    }

    /// Something has changed; whether somebody is to be told, who then is told once.
    #[must_use]
    pub fn take(&self) -> bool {
        // Release: pairs with the Acquire in `want`.
        self.state.swap(QUIET, Ordering::Release) == WANTED
    }
}
