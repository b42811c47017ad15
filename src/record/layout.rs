//! Where each count lies: 128-byte lines, one writer a line.
//!
//! 128 bytes because adjacent-line prefetch makes two 64-byte lines one unit of sharing on x86 and
//! because it is the line of the GPUs that write the same layout.

use crate::sync::{AtomicU32, AtomicU64, Ordering};

use super::Counter;

/// Longest kernel id, in bytes of UTF-8.
pub const ID_BYTES: usize = 192;
const ID_WORDS: usize = ID_BYTES / 8;

/// State of a kernel as the record stores it; `Vacant` until the record is published.
#[repr(u32)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing is registered here.
    #[default]
    Vacant = 0,
    /// Known, not launched.
    Created = 1,
    /// Launched: accepts messages and hands none out.
    Launched = 2,
    /// Active: its code runs.
    Active = 3,
    /// Paused.
    Deactivated = 4,
    /// Winding down.
    Terminating = 5,
    /// Ended by returning, by the end of its input or by cancellation.
    Terminated = 6,
    /// Ended by an exception.
    Failed = 7,
}

impl State {
    const ALL: [Self; 8] = [
        Self::Vacant,
        Self::Created,
        Self::Launched,
        Self::Active,
        Self::Deactivated,
        Self::Terminating,
        Self::Terminated,
        Self::Failed,
    ];

    /// The state behind a stored word, where it is one.
    #[must_use]
    pub fn from_word(word: u32) -> Option<Self> {
        Self::ALL.get(word as usize).copied()
    }
}

/// Who the record belongs to. Written before publication only.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub struct Identity {
    generation: AtomicU64,
    id_length: AtomicU64,
    id_words: [AtomicU64; ID_WORDS],
}

/// When what happened. Writer: the runtime, holding the interpreter lock.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub struct Lifecycle {
    state: AtomicU32,
    /// Unix time minus monotonic time at the launch, in nanoseconds.
    pub unix_offset_ns: Counter,
    /// First activation, monotonic nanoseconds; 0 before it.
    pub activated_ns: Counter,
    /// First activation, Unix nanoseconds; 0 before it.
    pub start_unix_ns: Counter,
    /// End of the kernel, monotonic nanoseconds; 0 before it.
    pub ended_ns: Counter,
    /// Times the code was started again after an exception.
    pub restarts: Counter,
}

/// What callers collected. Writer: the receiving side's token (object mailboxes: the interpreter
/// lock; record mailboxes: the claim of that end).
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub struct CallerSide {
    /// Replies handed to callers.
    pub collected: Counter,
    /// Replies thrown away uncollected.
    pub replies_discarded: Counter,
    /// Error replies handed to callers.
    pub errors_collected: Counter,
    /// Error replies thrown away uncollected.
    pub errors_discarded: Counter,
}

/// How messages ended. Writer: the kernel side's token (object mailboxes: the interpreter lock;
/// record mailboxes: the claim of that end).
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub struct KernelSide {
    /// Messages answered while in flight, or finished by a kernel that gives no replies.
    pub answered: Counter,
    /// Messages ever left without an answer; a late answer does not take them off.
    pub left_unanswered: Counter,
    /// Late answers: the first of them went to the first message ever left, and so on.
    pub answered_late: Counter,
    /// Messages ended in error.
    pub errored: Counter,
    /// Messages queued or in flight when their kernel ended.
    pub discarded: Counter,
    /// Replies put into the output queue.
    pub sent: Counter,
    /// Error replies put into the output queue.
    pub error_replies: Counter,
    /// Exceptions that left the kernel's code or were recorded by it.
    pub errors: Counter,
    /// Newest answer, monotonic nanoseconds; 0 before the first.
    pub last_answered_ns: Counter,
    /// Place of the flight recorder: trace slot of the message in flight plus one, 0 for none.
    pub trace: Counter,
}

/// What was offered. Writer: the sending side's token (object mailboxes: the interpreter lock;
/// record mailboxes: the claim of that end).
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub struct ProducerSide {
    /// Messages put into the input queue.
    pub accepted: Counter,
    /// Accepted messages that made room for newer ones.
    pub dropped: Counter,
    /// Sends refused because the queue was full.
    pub rejected: Counter,
    /// Longest the input queue has been.
    pub depth_peak: Counter,
    /// Newest accepted message, monotonic nanoseconds; 0 before the first.
    pub last_accepted_ns: Counter,
}

/// One incarnation of one kernel, 768 bytes, the same for every kind of kernel.
///
/// What is counted last lies first: callers, then the kernel, then producers.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub struct KernelRecord {
    identity: Identity,
    /// States and times.
    pub lifecycle: Lifecycle,
    /// The side that collects replies.
    pub caller: CallerSide,
    /// The side that takes and answers messages.
    pub kernel: KernelSide,
    /// The side that offers messages.
    pub producer: ProducerSide,
}

#[cfg(not(pydotcompute_loom))]
const _: () = {
    use std::mem::{offset_of, size_of};
    assert!(size_of::<KernelRecord>() == 768);
    assert!(offset_of!(KernelRecord, lifecycle) == 256);
    assert!(offset_of!(KernelRecord, caller) == 384);
    assert!(offset_of!(KernelRecord, kernel) == 512);
    assert!(offset_of!(KernelRecord, producer) == 640);
    assert!(offset_of!(KernelSide, trace) == 72);
};

impl KernelRecord {
    /// Fills in who this record belongs to, then makes it visible.
    ///
    /// The state is stored last, with Release, and read first, with Acquire: a reader that sees
    /// the record sees all of its identity, and a crash before the last store leaves it invisible.
    ///
    /// # Errors
    /// Gives the length back where `id` is longer than [`ID_BYTES`].
    pub fn publish(&self, id: &str, generation: u64, state: State) -> Result<(), usize> {
        if id.len() > ID_BYTES {
            return Err(id.len());
        }
        let identity = &self.identity;
        identity.generation.store(generation, Ordering::Relaxed);
        identity.id_length.store(id.len() as u64, Ordering::Relaxed);
        for (word, bytes) in identity.id_words.iter().zip(id.as_bytes().chunks(8)) {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_le_bytes(padded), Ordering::Relaxed);
        }
        self.set_state(state);
        Ok(())
    }

    /// Kernel id and generation, or None before publication.
    #[must_use]
    pub fn identity(&self) -> Option<(String, u64)> {
        if self.state() == State::Vacant {
            return None;
        }
        let identity = &self.identity;
        let length = usize::try_from(identity.id_length.load(Ordering::Relaxed)).ok()?;
        let words = identity.id_words.iter();
        let mut bytes: Vec<u8> = words
            .flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes())
            .collect();
        bytes.truncate(length);
        let id = String::from_utf8(bytes).ok()?;
        Some((id, identity.generation.load(Ordering::Relaxed)))
    }

    /// Stores the state; pairs with [`KernelRecord::state`].
    pub fn set_state(&self, state: State) {
        self.lifecycle.state.store(state as u32, Ordering::Release);
    }

    /// The state now; pairs with [`KernelRecord::set_state`].
    #[must_use]
    pub fn state(&self) -> State {
        State::from_word(self.lifecycle.state.load(Ordering::Acquire)).unwrap_or_default()
    }
}
