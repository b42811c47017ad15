//! The only place that picks the real atomics or loom's.

#[cfg(pydotcompute_loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
#[cfg(not(pydotcompute_loom))]
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Loads a word as its only writer: a plain load.
#[cfg(not(pydotcompute_loom))]
#[inline]
pub(crate) fn load_own(word: &AtomicU64) -> u64 {
    word.load(Ordering::Relaxed)
}

/// Loads a word as its only writer, and lets loom refuse a second one.
///
/// Loom remembers one access a word: an ordinary load by the writer would hide the reader's load
/// before it, and with it every interleaving of the two.
#[cfg(pydotcompute_loom)]
#[allow(unsafe_code, reason = "loom marks the load that it checks as unsafe")]
pub(crate) fn load_own(word: &AtomicU64) -> u64 {
    // SAFETY: nobody else stores while the only writer loads; loom fails the model otherwise.
    unsafe { word.unsync_load() }
}
