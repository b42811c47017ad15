//! One count in a record.

use crate::sync::{AtomicU64, Ordering, load_own};

/// A number that only grows, written by one side and read by anyone.
///
/// `add` and `raise_to` cost a load and a store because each word has one writer at a time; the
/// field that holds the counter names the token that makes it so. `add_shared` and
/// `raise_shared_to` are for words without such a token.
///
/// Every store is a Release that pairs with the Acquire in [`Counter::get`]: whoever sees a count
/// sees all counts that were stored before it.
#[repr(transparent)]
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `amount`; the caller is the only writer.
    #[inline]
    pub fn add(&self, amount: u64) {
        self.set(load_own(&self.0).wrapping_add(amount));
    }

    /// Lifts the value to `value` where that is higher; the caller is the only writer.
    #[inline]
    pub fn raise_to(&self, value: u64) {
        if value > load_own(&self.0) {
            self.set(value);
        }
    }

    /// Stores `value`; the caller is the only writer.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Release);
    }

    /// Adds `amount`, with any number of writers.
    #[inline]
    pub fn add_shared(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::AcqRel);
    }

    /// Lifts the value to `value` where that is higher, with any number of writers.
    #[inline]
    pub fn raise_shared_to(&self, value: u64) {
        self.0.fetch_max(value, Ordering::AcqRel);
    }

    /// Takes one off and says whether there was one, with any number of writers.
    pub fn take_one_shared(&self) -> bool {
        let less_one = |value: u64| value.checked_sub(1);
        self.0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, less_one)
            .is_ok()
    }

    /// The value.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// The value, as its only writer knows it.
    #[inline]
    pub fn get_own(&self) -> u64 {
        load_own(&self.0)
    }
}
