//! What a queue stores.

/// A message and what travels beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<M> {
    /// The message.
    pub message: M,
    /// Where the flight recorder follows this message, if it does.
    pub trace: TraceSlot,
    /// Since when this message is timed, if it is.
    pub sample: Sample,
}

impl<M> Entry<M> {
    /// A message that nothing travels with.
    #[inline]
    #[must_use]
    pub const fn plain(message: M) -> Self {
        Self {
            message,
            trace: TraceSlot::NONE,
            sample: Sample::NONE,
        }
    }
}

/// The stamp of a message that is timed, and how many messages it stands for.
///
/// Packed, because eight-byte alignment would make an entry four words long instead of three.
#[repr(C, packed(4))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// When it was accepted, or later when it was taken; monotonic nanoseconds.
    pub stamp_ns: u64,
    /// How many messages it stands for; 0: it is not timed.
    pub weight: u32,
}

impl Sample {
    /// The message is not timed.
    pub const NONE: Self = Self {
        stamp_ns: 0,
        weight: 0,
    };

    /// Whether the message is timed.
    #[inline]
    #[must_use]
    pub const fn is_timed(self) -> bool {
        self.weight != 0
    }
}

/// Place of a sampled message in the flight recorder, reserved beside every message.
///
/// One word, the same as in a kernel's record: the index of the trace slot plus one, and 0 for
/// none, so that memory full of zeros traces nothing.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceSlot(u32);

impl TraceSlot {
    /// The message is not sampled.
    pub const NONE: Self = Self(0);

    /// The slot behind a stored word: its index plus one, 0 for none.
    #[must_use]
    pub const fn from_word(word: u32) -> Self {
        Self(word)
    }

    /// The word to store: the slot's index plus one, 0 for none.
    #[must_use]
    pub const fn word(self) -> u32 {
        self.0
    }
}
