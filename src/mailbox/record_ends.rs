//! The ends of a record mailbox where callers send and receive. Each writes its own side of the
//! kernel's record.

use std::sync::Arc;

use super::Ledger;
use super::notes::{Note, NoteReader, NoteWriter};
use super::outcome::{CollectRecords, Put};
use super::sampler::Sampler;
use crate::ring::{Consumer, Producer};
use crate::sync::{AtomicU64, Ordering};

/// Where callers put messages.
#[derive(Debug)]
pub(super) struct SendEnd {
    pub(super) ring: Producer,
    pub(super) timing: Option<(Sampler, NoteWriter)>,
    pub(super) accepting: bool,
    pub(super) taken: Arc<Taken>,
}

/// Messages that are known to have left the queue, by the replies collected; there may be more.
///
/// The queue itself knows better, on a cache line that its kernel has just written.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Taken(AtomicU64);

impl Default for Taken {
    fn default() -> Self {
        Self(AtomicU64::new(0))
    }
}

impl SendEnd {
    /// Puts as many of `records` into the queue as there is room for.
    pub(super) fn offer(&mut self, ledger: Option<&Ledger>, records: &[u8], refuse: bool) -> Put {
        if !self.accepting {
            return Put::Closed;
        }
        let offered = records.len() / self.ring.shape().record_bytes();
        let first = self.ring.position();
        let count = self.ring.write(records);
        if let Some(ledger) = ledger {
            if refuse && count < offered {
                ledger.rejected((offered - count) as u64);
            }
            if count > 0 {
                self.note_samples(ledger, first, count);
                let depth = self.depth(ledger.queue_depth_peak());
                ledger.accepted(count as u64, depth);
            }
        }
        if count > 0 {
            self.ring.publish();
            self.ring.notify();
        }
        Put::Accepted(count)
    }

    /// Messages in the queue, where those may be more than `peak`; else no less than there are.
    fn depth(&mut self, peak: u64) -> u64 {
        // Relaxed: whatever was stored there has left the queue, whoever saw it leave.
        let taken = self.taken.0.load(Ordering::Relaxed);
        let most = self.ring.position().saturating_sub(taken);
        if most > peak {
            self.ring.depth() as u64
        } else {
            most
        }
    }

    /// Notes which of `count` records from `first` on are timed; where there is no room for more
    /// notes, no more are.
    fn note_samples(&mut self, ledger: &Ledger, first: u64, count: usize) {
        let Some((sampler, notes)) = &mut self.timing else {
            return;
        };
        let end = first + count as u64;
        let mut left = u32::try_from(count).unwrap_or(u32::MAX);
        loop {
            left -= sampler.pass(left);
            if left == 0 || !notes.has_room() {
                return;
            }
            let sample = sampler.pick(|| ledger.now_ns());
            notes.put(Note {
                position: end - u64::from(left),
                words: [sample.stamp_ns, sample.weight.into()],
            });
            left -= 1;
        }
    }

    pub(super) fn close(&mut self) {
        self.accepting = false;
        self.ring.close();
    }
}

/// Where callers get replies.
#[derive(Debug)]
pub(super) struct ReceiveEnd {
    pub(super) ring: Consumer,
    pub(super) errors: NoteReader,
    pub(super) taken: Arc<Taken>,
}

impl ReceiveEnd {
    /// Hands out as many replies as `into` has room for, but none from behind an error.
    pub(super) fn collect(&mut self, ledger: Option<&Ledger>, into: &mut [u8]) -> CollectRecords {
        match self.collect_replies(ledger, into) {
            0 => self.collect_error(ledger),
            count => CollectRecords::Replies(count),
        }
    }

    /// Hands out as many replies as `into` has room for, and leaves an error where it is; how many.
    pub(super) fn collect_replies(&mut self, ledger: Option<&Ledger>, into: &mut [u8]) -> usize {
        let record_bytes = self.ring.shape().record_bytes();
        let count = self.before_error(into.len() / record_bytes);
        if count > 0 {
            self.ring.read(&mut into[..count * record_bytes]);
            if let Some(ledger) = ledger {
                ledger.collected(count as u64);
            }
            self.give_back();
        }
        count
    }

    /// Throws away everything; how many replies and errors there were.
    pub(super) fn discard(&mut self) -> (u64, u64) {
        let (mut replies, mut errors) = (0, 0);
        loop {
            let count = self.before_error(usize::MAX);
            self.ring.skip(count);
            replies += count as u64;
            if self.take_error().is_none() {
                return (replies, errors);
            }
            self.ring.skip(1);
            errors += 1;
        }
    }

    /// Whether the oldest reply is an error.
    pub(super) fn is_error_next(&mut self) -> bool {
        !self.ring.is_empty() && self.before_error(1) == 0
    }

    /// Replies there are now, at most `most`, before the next error. What comes first is the look
    /// at the ring: a record that it finds has its note.
    fn before_error(&mut self, most: usize) -> usize {
        let available = self.ring.available(most);
        let position = self.ring.position();
        let before = self
            .errors
            .peek_from(position)
            .map_or(u64::MAX, |note| note.position - position);
        usize::try_from(before).map_or(available, |before| available.min(before))
    }

    fn collect_error(&mut self, ledger: Option<&Ledger>) -> CollectRecords {
        let Some(code) = self.take_error() else {
            return CollectRecords::Empty;
        };
        self.ring.read_with(1, |_, _| {});
        if let Some(ledger) = ledger {
            ledger.error_collected();
        }
        self.give_back();
        CollectRecords::Error(code)
    }

    /// The code of the error that the next reply is, if it is there and is one.
    fn take_error(&mut self) -> Option<i32> {
        if self.ring.is_empty() {
            return None;
        }
        let [code, _] = self.errors.take_at(self.ring.position())?;
        Some(code_of(code))
    }

    fn give_back(&mut self) {
        self.taken.0.store(self.ring.note(), Ordering::Relaxed); // as in `SendEnd::depth`
        self.ring.release();
        self.ring.notify();
    }
}

/// The word of a note in which a code stands.
pub(super) fn word_of(code: i32) -> u64 {
    code.cast_unsigned().into()
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "`word_of` put 32 bits there"
)]
fn code_of(word: u64) -> i32 {
    (word as u32).cast_signed()
}
