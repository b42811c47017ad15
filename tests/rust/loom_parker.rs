//! Every interleaving and every allowed reordering of a thread that waits and those that wake it.
//! Loom reports a lost wake-up as a deadlock.
#![cfg(pydotcompute_loom)]

use std::time::Duration;

use _core::parker::Parker;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

/// A value that is published by a wake-up alone: loom refuses an access that races.
struct Published {
    parker: Parker,
    value: UnsafeCell<u32>,
}

// SAFETY: the models let one thread write before it wakes the other, which reads after.
#[allow(unsafe_code, reason = "loom checks what this claims")]
unsafe impl Sync for Published {}

#[allow(unsafe_code, reason = "loom checks each access")]
impl Published {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            parker: Parker::new(false),
            value: UnsafeCell::new(0),
        })
    }

    fn publish(&self) {
        // SAFETY: loom fails the model where somebody else could be reading.
        self.value.with_mut(|value| unsafe { *value = 7 });
        self.parker.unpark();
    }

    fn read(&self) -> u32 {
        // SAFETY: loom fails the model where somebody else could be writing.
        self.value.with(|value| unsafe { *value })
    }
}

#[test]
fn whoever_is_woken_sees_what_was_done_before() {
    loom::model(|| {
        let shared = Published::new();
        let waker = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.publish())
        };
        assert!(shared.parker.park(None));
        assert_eq!(shared.read(), 7);
        waker.join().unwrap();
    });
}

#[test]
fn a_token_that_comes_as_the_time_is_over_shows_what_was_done_before() {
    loom::model(|| {
        let shared = Published::new();
        let waker = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.publish())
        };
        if shared.parker.park(Some(Duration::ZERO)) {
            assert_eq!(shared.read(), 7);
        }
        waker.join().unwrap();
    });
}

#[test]
fn a_second_wake_up_is_kept_for_the_next_wait_or_was_the_same() {
    loom::model(|| {
        let shared = Published::new();
        let waker = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.parker.unpark();
                shared.parker.unpark();
            })
        };
        assert!(shared.parker.park(None));
        waker.join().unwrap();
        shared.parker.unpark();
        assert!(shared.parker.park(None));
    });
}

#[test]
fn two_that_wake_at_once_lose_nothing() {
    loom::model(|| {
        let shared = Published::new();
        let wakers: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.parker.unpark())
            })
            .collect();
        assert!(shared.parker.park(None));
        for waker in wakers {
            waker.join().unwrap();
        }
    });
}
