//! Waiting and waking under real threads; also a program that `ThreadSanitizer` watches.
#![cfg(not(pydotcompute_loom))]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use _core::parker::Parker;

const ROUNDS: u64 = 5_000;
const GUARD: Option<Duration> = Some(Duration::from_secs(20));

struct Side {
    parker: Parker,
    said: AtomicU64,
}

impl Side {
    fn new(spins: bool) -> Arc<Self> {
        Arc::new(Self {
            parker: Parker::new(spins),
            said: AtomicU64::new(0),
        })
    }

    /// The value is published by the wake-up, not by its own ordering.
    fn say(&self, value: u64) {
        self.said.store(value, Ordering::Relaxed);
        self.parker.unpark();
    }

    fn hear(&self, expected: u64) {
        while self.said.load(Ordering::Relaxed) != expected {
            assert!(self.parker.park(GUARD), "a wake-up was lost at {expected}");
        }
    }
}

fn ping_pong(spins: bool) {
    let (here, there) = (Side::new(spins), Side::new(spins));
    let other = {
        let (here, there) = (Arc::clone(&here), Arc::clone(&there));
        thread::spawn(move || {
            for round in 1..=ROUNDS {
                there.hear(round);
                here.say(round);
            }
        })
    };
    for round in 1..=ROUNDS {
        there.say(round);
        here.hear(round);
    }
    other.join().unwrap();
}

#[test]
fn no_wake_up_is_lost_between_threads_that_look_before_they_sleep() {
    ping_pong(true);
}

#[test]
fn no_wake_up_is_lost_between_threads_that_sleep_at_once() {
    ping_pong(false);
}

#[test]
fn a_wait_ends_without_a_wake_up_after_its_timeout() {
    for spins in [false, true] {
        let parker = Parker::new(spins);
        let began = Instant::now();
        assert!(!parker.park(Some(Duration::from_millis(5))));
        assert!(began.elapsed() >= Duration::from_millis(5));
    }
}

#[test]
fn a_wake_up_before_the_wait_is_taken_once() {
    for spins in [false, true] {
        let parker = Parker::new(spins);
        parker.unpark();
        parker.unpark();
        assert!(parker.park(Some(Duration::ZERO)));
        assert!(!parker.park(Some(Duration::ZERO)));
    }
}

#[test]
fn a_wait_without_a_timeout_ends_with_the_wake_up() {
    let parker = Arc::new(Parker::for_this_machine());
    let waiting = {
        let parker = Arc::clone(&parker);
        thread::spawn(move || parker.park(None))
    };
    parker.unpark();
    assert!(waiting.join().unwrap());
}

#[test]
fn a_timeout_too_long_to_reckon_with_is_none() {
    let parker = Parker::new(false);
    parker.unpark();
    assert!(parker.park(Some(Duration::MAX)));
}
