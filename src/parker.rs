//! Where one thread waits until another wakes it.
//!
//! The state machine is that of the standard library's portable parker: a token that outlives the
//! wake-up, so that one that comes before the waiting is not lost. Before it sleeps, a thread looks
//! for the token a short while, where there is a second core that could bring it meanwhile.

use std::time::{Duration, Instant};

use crate::sync::{AtomicU32, Condvar, Mutex, Ordering};

/// Nobody waits and no token is there.
const EMPTY: u32 = 0;
/// The thread sleeps, or is about to.
const ASLEEP: u32 = 1;
/// A token is there.
const TOKEN: u32 = 2;

/// How long a thread looks before it sleeps: about what a sleep and a wake-up cost together.
pub const SPIN: Duration = Duration::from_micros(20);

/// Looks at the token between two looks at the clock.
const LOOKS: u32 = 64;

/// One thread's place to wait. Any thread may wake it; only one at a time may wait.
///
/// It has cache lines of its own: places of threads that wake each other lie side by side else.
#[derive(Debug)]
#[repr(align(128))]
pub struct Parker {
    /// Written by the waiting thread and by whoever wakes it, by read-modify-write only.
    state: AtomicU32,
    lock: Mutex<()>,
    woken: Condvar,
    spins: bool,
}

impl Parker {
    /// A place without a token. `spins`: look a short while before sleeping.
    #[must_use]
    pub fn new(spins: bool) -> Self {
        Self {
            state: AtomicU32::new(EMPTY),
            lock: Mutex::new(()),
            woken: Condvar::new(),
            spins,
        }
    }

    /// A place for this machine: one core alone never looks, for nobody could bring the token.
    #[must_use]
    pub fn for_this_machine() -> Self {
        Self::new(std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1))
    }

    /// Waits for a token and takes it, at most `timeout` long; whether there was one.
    ///
    /// Whoever left the token is seen with all it did before.
    pub fn park(&self, timeout: Option<Duration>) -> bool {
        let expiry = expiry_of(timeout);
        self.take_token() || (self.spins && self.look(expiry)) || self.sleep(expiry)
    }

    /// As [`Self::park`], but sleeps without a look: for who knows that none is worth it.
    pub fn park_at_once(&self, timeout: Option<Duration>) -> bool {
        self.take_token() || self.sleep(expiry_of(timeout))
    }

    /// Leaves a token, and wakes the thread where it sleeps.
    pub fn unpark(&self) {
        // Release: pairs with the Acquire of whoever takes the token.
        if self.state.swap(TOKEN, Ordering::Release) != ASLEEP {
            return;
        }
        // The thread holds the lock from saying that it sleeps until it does: it is asleep now.
        drop(self.lock.lock());
        self.woken.notify_one();
    }

    fn take_token(&self) -> bool {
        // Acquire: pairs with the Release in `unpark`.
        let taken = self
            .state
            .compare_exchange(TOKEN, EMPTY, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok()
    }

    /// Looks for a token until there is one or it has looked long enough.
    fn look(&self, expiry: Option<Instant>) -> bool {
        let enough = Instant::now() + SPIN;
        let until = expiry.map_or(enough, |expiry| expiry.min(enough));
        loop {
            for _ in 0..LOOKS {
                if self.state.load(Ordering::Relaxed) == TOKEN && self.take_token() {
                    return true;
                }
                std::hint::spin_loop();
            }
            if Instant::now() >= until {
                return false;
            }
        }
    }

    fn sleep(&self, expiry: Option<Instant>) -> bool {
        let mut guard = self.lock.lock().expect("nothing panics under this lock");
        // Relaxed: saying so publishes nothing.
        let said = self
            .state
            .compare_exchange(EMPTY, ASLEEP, Ordering::Relaxed, Ordering::Relaxed);
        if said.is_err() {
            return self.take_token();
        }
        loop {
            let Some(expiry) = expiry else {
                guard = self.woken.wait(guard).expect("nothing panics");
                if self.take_token() {
                    return true;
                }
                continue; // woken by nobody
            };
            let left = expiry.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // Acquire: a token may have come just now.
                return self.state.swap(EMPTY, Ordering::Acquire) == TOKEN;
            }
            guard = self
                .woken
                .wait_timeout(guard, left)
                .expect("nothing panics")
                .0;
            if self.take_token() {
                return true;
            }
        }
    }
}

fn expiry_of(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}
