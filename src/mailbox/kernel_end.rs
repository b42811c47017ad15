//! The end of a record mailbox where its kernel takes messages and puts replies. It writes the
//! kernel's side of the record.

use std::sync::Arc;

use super::Ledger;
use super::flight::Flight;
use super::notes::{Note, NoteReader, NoteWriter};
use super::outcome::{End, Put, Take};
use super::record_ends::word_of;
use crate::queue::Sample;
use crate::ring::{Consumer, Producer};
use crate::sync::{AtomicU64, Ordering};

/// What others see of a kernel at work. Writer: whoever has the kernel's end.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Messages taken and not ended.
    in_flight: AtomicU64,
    /// Whether the kernel asked in vain since it took one, with none in flight: 0 or 1.
    at_rest: AtomicU64,
}

impl Work {
    /// Messages in flight.
    pub(super) fn in_flight(&self) -> u64 {
        // Acquire: pairs with the Release in `KernelEnd::show`.
        self.in_flight.load(Ordering::Acquire)
    }

    /// Whether the kernel has no message and has asked in vain. A queue found empty before this
    /// has nothing on the way: what was taken from it shows here.
    pub(super) fn is_at_rest(&self) -> bool {
        // Acquire: pairs with the Release in `KernelEnd::show`.
        self.at_rest.load(Ordering::Acquire) == 1
    }
}

/// The kernel's end.
#[derive(Debug)]
pub(super) struct KernelEnd {
    pub(super) input: Consumer,
    pub(super) samples: Option<NoteReader>,
    pub(super) output: Producer,
    pub(super) errors: NoteWriter,
    pub(super) flight: Flight,
    pub(super) work: Arc<Work>,
    pub(super) delivering: bool,
    pub(super) replying: bool,
    pub(super) replies: bool,
    pub(super) ledger: Option<Arc<Ledger>>,
}

impl KernelEnd {
    /// Ends what is in flight without an answer.
    pub(super) fn move_on(&mut self) {
        if self.flight.count() == 0 {
            return;
        }
        let landed = self.flight.land_all();
        if let Some(ledger) = &self.ledger {
            ledger.errored(landed.marked);
            if self.replies {
                ledger.unanswered(landed.unmarked);
            } else {
                ledger.answered(landed.unmarked);
            }
        }
        self.ended();
    }

    /// Ends the oldest message in flight without an answer.
    pub(super) fn pass(&mut self) {
        let landed = self.flight.land_oldest();
        if let Some(ledger) = &self.ledger {
            match landed {
                Some(true) => ledger.errored(1),
                Some(false) if self.replies => ledger.unanswered(1),
                Some(false) => ledger.answered(1),
                None => {}
            }
        }
        self.ended();
    }

    /// Takes as many messages as `into` has room for; they are in flight from now on.
    pub(super) fn take(&mut self, into: &mut [u8]) -> Take<usize> {
        let first = self.input.position();
        let count = if self.delivering {
            self.input.read(into)
        } else {
            0
        };
        if count == 0 {
            return self.ask_in_vain();
        }
        for position in (first..).take(count) {
            let sample = self.sample_at(position);
            self.flight.take_off(sample);
        }
        self.show(); // before the queue shows that they left it
        self.input.release();
        self.input.notify();
        Take::Message(count)
    }

    /// Notes that the kernel asked and got nothing.
    fn ask_in_vain(&mut self) -> Take<usize> {
        self.flight.ask_in_vain();
        self.show();
        if self.input.is_finished() {
            Take::End
        } else {
            Take::Empty
        }
    }

    /// Puts as many of `records` into the output queue as there is room for; each ends the oldest
    /// message in flight, or answers the oldest one left unanswered.
    pub(super) fn reply(&mut self, records: &[u8]) -> Put {
        if !self.replying {
            return Put::Closed;
        }
        let count = self.output.write(records);
        if count > 0 {
            self.count_replies(count);
            self.ended();
            self.publish();
        }
        Put::Accepted(count)
    }

    /// Puts an error into the place of a reply and ends the oldest message in flight as errored.
    pub(super) fn fail(&mut self, code: i32, counted: bool) -> Put {
        if !self.replying {
            return Put::Closed;
        }
        let position = self.output.position();
        if self.output.write_with(1, |_, _| {}) == 0 {
            return Put::Accepted(0);
        }
        self.errors.put(Note {
            position,
            words: [word_of(code), 0],
        });
        if let Some(ledger) = &self.ledger {
            ledger.error_replied();
        }
        self.raise(counted);
        self.publish();
        Put::Accepted(1)
    }

    /// Lets callers see what was put, and with it which messages have left the queue.
    fn publish(&mut self) {
        self.output.note(self.input.position());
        self.output.publish();
        self.output.notify();
    }

    /// Counts an error and marks the oldest unmarked message in flight.
    pub(super) fn record_error(&mut self) {
        self.flight.mark();
        if let Some(ledger) = &self.ledger {
            ledger.error();
        }
    }

    /// The code has ended: ends what is in flight, throws what is queued away, and says how many
    /// messages were discarded.
    pub(super) fn end(&mut self, end: End) -> u64 {
        self.replying = false;
        match end {
            End::Returned => self.move_on(),
            End::Raised { counted } => self.raise(counted),
            End::Cancelled => {}
        }
        let in_flight = self.flight.count();
        let queued = self.input.skip(usize::MAX) as u64;
        self.discard(in_flight + queued)
    }

    /// The code raised and starts again on the same queues; how many messages were discarded.
    pub(super) fn restart(&mut self, counted: bool) -> u64 {
        self.raise(counted);
        let discarded = self.discard(self.flight.count());
        self.flight.ask_in_vain();
        self.show();
        if let Some(ledger) = &self.ledger {
            ledger.restarted();
        }
        discarded
    }

    fn raise(&mut self, counted: bool) {
        let oldest = self.flight.land_oldest();
        if let Some(ledger) = &self.ledger {
            if !counted {
                ledger.error();
            }
            if oldest.is_some() {
                ledger.errored(1);
            }
        }
        self.ended();
    }

    fn discard(&mut self, count: u64) -> u64 {
        if let Some(ledger) = &self.ledger {
            ledger.discarded(count);
        }
        self.flight.land_all();
        self.ended();
        count
    }

    fn count_replies(&mut self, count: usize) {
        for _ in 0..count {
            let landed = self.flight.land_oldest();
            let Some(ledger) = &self.ledger else {
                continue;
            };
            match landed {
                Some(false) => ledger.answered(1),
                Some(true) => ledger.errored(1),
                None => ledger.answered_late(),
            }
        }
        if let Some(ledger) = &self.ledger {
            ledger.sent(count as u64);
        }
    }

    /// Since when the message at `position` waits, where it is timed: its wait ends now.
    fn sample_at(&mut self, position: u64) -> Sample {
        let noted = self
            .samples
            .as_mut()
            .and_then(|samples| samples.take_at(position));
        let (Some([stamp_ns, weight]), Some(ledger)) = (noted, &self.ledger) else {
            return Sample::NONE;
        };
        ledger.timed_wait(Sample {
            stamp_ns,
            weight: u32::try_from(weight).unwrap_or(u32::MAX),
        })
    }

    /// Messages have ended: times those that are timed, and shows the rest.
    fn ended(&mut self) {
        while let Some(sample) = self.flight.next_timed() {
            if let Some(ledger) = &self.ledger {
                ledger.timed_service(sample);
            }
        }
        self.show();
    }

    fn show(&self) {
        let at_rest = u64::from(self.flight.is_at_rest());
        // Release: pairs with the Acquire in `Work::is_at_rest` and `Work::in_flight`.
        self.work.at_rest.store(at_rest, Ordering::Release);
        // Release: as above; what ended was counted before.
        self.work
            .in_flight
            .store(self.flight.count(), Ordering::Release);
    }
}
