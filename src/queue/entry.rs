//! What a queue stores.

/// A message and what travels beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<M> {
    /// The message.
    pub message: M,
    /// Where the flight recorder follows this message, if it does.
    pub trace: TraceSlot,
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
