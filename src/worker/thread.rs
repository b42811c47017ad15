//! A native thread from its start to its end.

use std::io;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::bell::Rope;
use super::caller::Experience;
use super::handler::Handler;
use super::hints::Hints;
use super::placement::Placement;
use super::serving::{Over, Serving};
use super::signal::{News, Signal};
use crate::mailbox::RecordMailbox;
use crate::parker::Parker;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// What a worker's thread and others know of each other.
#[derive(Debug)]
pub(super) struct Shared {
    /// Who wants to hear of what the thread does.
    pub(super) signal: Signal,
    /// Whether the thread is to stop: 0 or 1. Writer: whoever stops it.
    stopping: AtomicU32,
    /// Whether the thread has ended: 0 or 1. Writer: the thread.
    ended: AtomicU32,
    /// Whether the thread waits for room for replies: 0 or 1. Writer: the thread.
    blocked: AtomicU32,
    /// The newest code of an error, and above it 1 where there was one. Writer: the thread.
    error: AtomicU64,
    pub(super) hints: Hints,
    pub(super) placement: Placement,
    joining: Parker,
}

impl Shared {
    /// Over where the thread is to stop.
    pub(super) fn check(&self) -> Result<(), Over> {
        // Relaxed: nothing is published by it; the parker wakes whoever sleeps after the store.
        if self.stopping.load(Ordering::Relaxed) == 0 {
            Ok(())
        } else {
            Err(Over)
        }
    }

    pub(super) fn set_blocked(&self, blocked: bool) {
        // Release: pairs with the Acquire in `Worker::is_blocked`.
        self.blocked.store(blocked.into(), Ordering::Release);
    }

    pub(super) fn note_error(&self, code: i32) {
        let word = 1 << 32 | u64::from(code.cast_unsigned());
        // Release: pairs with the Acquire in `Worker::last_error`.
        self.error.store(word, Ordering::Release);
    }

    pub(super) fn end(&self) {
        // Release: pairs with the Acquire in `Worker::has_ended`: all that the thread did is seen.
        self.ended.store(1, Ordering::Release);
        self.joining.unpark();
    }
}

/// Runs a handler over the messages of a mailbox, in a native thread of its own.
///
/// Dropping it asks the thread to stop, and waits for nothing.
#[derive(Debug)]
pub struct Worker {
    shared: Arc<Shared>,
    pub(super) mailbox: Arc<RecordMailbox>,
    handler: Handler,
    /// The thread, from its start until somebody has waited for its end.
    thread: Mutex<Option<JoinHandle<()>>>,
    pub(super) experience: Experience,
}

impl Worker {
    /// A worker that has not started.
    #[must_use]
    pub fn new(mailbox: Arc<RecordMailbox>, handler: Handler) -> Self {
        let shared = Shared {
            signal: Signal::default(),
            stopping: AtomicU32::new(0),
            ended: AtomicU32::new(0),
            blocked: AtomicU32::new(0),
            error: AtomicU64::new(0),
            hints: Hints::default(),
            placement: Placement::default(),
            joining: Parker::new(false),
        };
        Self {
            shared: Arc::new(shared),
            mailbox,
            handler,
            thread: Mutex::default(),
            experience: Experience::of_this_machine(),
        }
    }

    /// Starts its thread, once; `rope` is pulled at all news that somebody asked for with
    /// [`Self::want`], and at its end.
    ///
    /// # Errors
    /// Where the system gives no more threads.
    ///
    /// # Panics
    /// Never.
    pub fn start(&self, rope: Rope) -> io::Result<()> {
        let (shared, mailbox) = (Arc::clone(&self.shared), Arc::clone(&self.mailbox));
        let handler = self.handler;
        let thread = std::thread::Builder::new().name("native kernel".into());
        let thread = thread.spawn(move || {
            Serving::new(shared, mailbox, handler, rope).run();
        })?;
        *self.thread.lock().expect("no holder panics") = Some(thread);
        Ok(())
    }

    /// Asks the thread to stop before its next message; it ends soon, unless its handler goes on.
    pub fn stop(&self) {
        self.shared.stopping.store(1, Ordering::Relaxed);
        let waits = self.mailbox.waits();
        waits.kernel.unpark();
        waits.room.unpark();
    }

    /// Asks to be told of the next such news. Look after this.
    pub fn want(&self, news: News) {
        self.shared.signal.want(news);
    }

    /// Whether the thread has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        // Acquire: pairs with the Release in `Shared::end`.
        self.shared.ended.load(Ordering::Acquire) == 1
    }

    /// Whether the thread waits for room for replies.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        // Acquire: pairs with the Release in `Shared::set_blocked`.
        self.shared.blocked.load(Ordering::Acquire) == 1
    }

    /// The code of the newest error.
    #[must_use]
    pub fn last_error(&self) -> Option<i32> {
        // Acquire: pairs with the Release in `Shared::note_error`.
        let word = self.shared.error.load(Ordering::Acquire);
        let code = u32::try_from(word & u64::from(u32::MAX)).ok()?;
        (word >> 32 != 0).then_some(code.cast_signed())
    }

    /// Waits at most `timeout` for the thread's end; whether it came. One waits at a time.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn join(&self, timeout: Duration) -> bool {
        let expiry = Instant::now() + timeout;
        while !self.has_ended() {
            let left = expiry.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            self.shared.joining.park(Some(left));
        }
        let thread = self.thread.lock().expect("no holder panics").take();
        if let Some(thread) = thread {
            drop(thread.join()); // on its way out; had it panicked, that was told there
        }
        true
    }

    pub(super) fn hints(&self) -> &Hints {
        &self.shared.hints
    }

    pub(super) fn placement(&self) -> &Placement {
        &self.shared.placement
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}
