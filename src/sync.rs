//! The only place that picks the real atomics and locks or loom's.

#[cfg(pydotcompute_loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
#[cfg(pydotcompute_loom)]
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(pydotcompute_loom))]
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
#[cfg(not(pydotcompute_loom))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, OnceLock};

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

/// A place that one writer fills once: what `std::sync::OnceLock` promises of ordering, made of
/// words that loom sees.
#[cfg(pydotcompute_loom)]
#[derive(Debug)]
pub(crate) struct OnceLock<T> {
    place: std::sync::OnceLock<T>,
    is_filled: AtomicU64,
}

#[cfg(pydotcompute_loom)]
impl<T> Default for OnceLock<T> {
    /// An empty one, whatever it is for.
    fn default() -> Self {
        Self {
            place: std::sync::OnceLock::new(),
            is_filled: AtomicU64::new(0),
        }
    }
}

#[cfg(pydotcompute_loom)]
impl<T> OnceLock<T> {
    /// What is there; pairs with the store in [`OnceLock::get_or_init`].
    pub(crate) fn get(&self) -> Option<&T> {
        (self.is_filled.load(Ordering::Acquire) == 1).then(|| self.filled())?
    }

    /// What is there, made by the only writer where nothing is.
    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        if load_own(&self.is_filled) == 0 {
            self.place.set(make()).ok().expect("one writer");
            self.is_filled.store(1, Ordering::Release);
        }
        self.filled().expect("filled")
    }

    fn filled(&self) -> Option<&T> {
        self.place.get()
    }
}
