//! Locks that are held for so short that nobody sleeps for them.

use std::sync::{Mutex, MutexGuard, TryLockError};
use std::thread::yield_now;

/// Locks; to `ThreadSanitizer` the sleeping half of the standard library's lock is no lock.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    loop {
        match mutex.try_lock() {
            Ok(guard) => return guard,
            Err(TryLockError::WouldBlock) => yield_now(),
            Err(TryLockError::Poisoned(guard)) => return guard.into_inner(), // no holder breaks off
        }
    }
}
