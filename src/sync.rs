//! The only place that picks the real atomics or loom's.

#[cfg(pydotcompute_loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
#[cfg(not(pydotcompute_loom))]
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
