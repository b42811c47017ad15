//! The mailbox of kernels whose messages are records of one size: native and device kernels.

use std::sync::Arc;

use super::Ledger;
use super::flight::Flight;
use super::kernel_end::{KernelEnd, Work};
use super::notes::{NoRoom, notes};
use super::outcome::{CollectRecords, End, Put, Take};
use super::record_ends::{ReceiveEnd, SendEnd, Taken};
use crate::parker::Parker;
use crate::record::{Depths, Snapshot};
use crate::ring::{Consumer, Gauge, Producer, Shape, ring};
use crate::segment::Segment;
use crate::sync::{Mutex, MutexGuard};

/// Timed messages that may be in the queue at once; past them none is timed.
const MOST_SAMPLES: usize = 4096;

/// What a record mailbox is made for.
#[derive(Clone, Copy, Debug)]
pub struct RecordMailboxOptions {
    /// Messages: their size, and the bound of the input queue.
    pub input: Shape,
    /// Replies: their size, and the bound of the output queue.
    pub output: Shape,
    /// Whether the kernel answers; one that does not has processed what it moved on from.
    pub replies: bool,
}

/// Where the three parties of a mailbox wait, each for what the others do.
///
/// Two places for the kernel: whoever collects a reply would else wake a kernel that waits for
/// messages, each time in vain.
#[derive(Clone, Debug)]
pub struct Waits {
    /// The kernel: for messages.
    pub kernel: Arc<Parker>,
    /// The kernel: for room for replies.
    pub room: Arc<Parker>,
    /// Who sends: for room.
    pub sender: Arc<Parker>,
    /// Who receives: for replies.
    pub receiver: Arc<Parker>,
}

impl Waits {
    /// Places of their own.
    #[must_use]
    pub fn for_this_machine() -> Self {
        let place = || Arc::new(Parker::for_this_machine());
        Self {
            kernel: place(),
            room: place(),
            sender: place(),
            receiver: place(),
        }
    }
}

/// What one thread writes while others are at what lies beside it: on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Apart<T>(T);

/// Somebody else is using this end now. Nothing was moved or counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// Two rings of records and the ledger that counts what passes.
///
/// It has three ends: callers send, callers receive, and the kernel takes and replies. Any thread
/// may use any end, one at a time: whoever comes second is told [`Busy`], where that was a move, and
/// waits for its turn, where it opens or closes something. Ends do not wait for each other.
///
/// No call waits for a message or for room: the rings' ends are woken through [`Waits`].
#[derive(Debug)]
pub struct RecordMailbox {
    sending: Apart<Mutex<SendEnd>>,
    receiving: Apart<Mutex<ReceiveEnd>>,
    kernel: Apart<Mutex<KernelEnd>>,
    work: Arc<Work>,
    input: Gauge,
    output: Gauge,
    ledger: Option<Arc<Ledger>>,
    waits: Waits,
    options: RecordMailboxOptions,
}

impl RecordMailbox {
    /// An open, paused mailbox whose records lie in `segment`.
    ///
    /// Without a ledger nothing is counted and nothing is timed.
    ///
    /// # Errors
    /// Where there is no memory for it.
    pub fn new(
        options: RecordMailboxOptions,
        ledger: Option<Ledger>,
        segment: &Segment,
        waits: &Waits,
    ) -> Result<Self, NoRoom> {
        let (sender, input) = queue(options.input, segment, &waits.kernel, &waits.sender)?;
        let (output, receiver) = queue(options.output, segment, &waits.receiver, &waits.room)?;
        let (error_writer, error_reader) = notes(options.output.bound())?;
        let (sample_writer, sample_reader) = notes(options.input.bound().min(MOST_SAMPLES))?;
        let ledger = ledger.map(Arc::new);
        let timing = ledger.as_ref().and_then(|ledger| ledger.sampler());
        let taken = Arc::new(Taken::default());
        let kernel = KernelEnd {
            samples: timing.is_some().then_some(sample_reader),
            input,
            output,
            errors: error_writer,
            flight: Flight::default(),
            work: Arc::default(),
            delivering: false,
            replying: true,
            replies: options.replies,
            ledger: ledger.clone(),
        };
        Ok(Self {
            input: sender.gauge(),
            output: receiver.gauge(),
            work: Arc::clone(&kernel.work),
            sending: Apart(Mutex::new(SendEnd {
                ring: sender,
                timing: timing.map(|sampler| (sampler, sample_writer)),
                accepting: true,
                taken: Arc::clone(&taken),
            })),
            receiving: Apart(Mutex::new(ReceiveEnd {
                ring: receiver,
                errors: error_reader,
                taken,
            })),
            kernel: Apart(Mutex::new(kernel)),
            ledger,
            waits: waits.clone(),
            options,
        })
    }

    /// Puts as many of `records` into the input queue as there is room for, the first ones first.
    ///
    /// `refuse`: each of the others is a rejected send, and counted as such; otherwise the caller
    /// waits for room for them.
    ///
    /// # Errors
    /// Where somebody else is sending.
    ///
    /// # Panics
    /// Where `records` are not whole records.
    pub fn offer(&self, records: &[u8], refuse: bool) -> Result<Put, Busy> {
        let mut end = claim(&self.sending.0)?;
        Ok(end.offer(self.ledger.as_deref(), records, refuse))
    }

    /// Hands out as many replies as `into` has room for, at least one where it says `Replies`; an
    /// error comes alone.
    ///
    /// # Errors
    /// Where somebody else is receiving.
    pub fn collect(&self, into: &mut [u8]) -> Result<CollectRecords, Busy> {
        let mut end = claim(&self.receiving.0)?;
        Ok(end.collect(self.ledger.as_deref(), into))
    }

    /// Hands out as many replies as `into` has room for, but neither an error nor replies behind it;
    /// how many.
    ///
    /// # Errors
    /// Where somebody else is receiving.
    pub fn collect_replies(&self, into: &mut [u8]) -> Result<usize, Busy> {
        let mut end = claim(&self.receiving.0)?;
        Ok(end.collect_replies(self.ledger.as_deref(), into))
    }

    /// Hands the kernel as many messages as `into` has room for; asking ends the ones in flight.
    ///
    /// # Errors
    /// Where somebody else has the kernel's end.
    ///
    /// # Panics
    /// Where `into` has no room for whole records.
    pub fn take(&self, into: &mut [u8]) -> Result<Take<usize>, Busy> {
        let mut end = claim(&self.kernel.0)?;
        end.move_on();
        Ok(end.take(into))
    }

    /// Tries once more what the kernel has asked for already: ends nothing.
    ///
    /// # Errors
    /// Where somebody else has the kernel's end.
    ///
    /// # Panics
    /// Where `into` has no room for whole records.
    pub fn take_again(&self, into: &mut [u8]) -> Result<Take<usize>, Busy> {
        Ok(claim(&self.kernel.0)?.take(into))
    }

    /// Puts as many of `records` into the output queue as there is room for; each ends the oldest
    /// message in flight, or answers the oldest one left unanswered.
    ///
    /// # Errors
    /// Where somebody else has the kernel's end.
    ///
    /// # Panics
    /// Where `records` are not whole records.
    pub fn reply(&self, records: &[u8]) -> Result<Put, Busy> {
        Ok(claim(&self.kernel.0)?.reply(records))
    }

    /// Puts an error into the place of a reply and ends the oldest message in flight as errored.
    /// `counted`: the same error is among the errors already.
    ///
    /// # Errors
    /// Where somebody else has the kernel's end.
    pub fn fail(&self, code: i32, counted: bool) -> Result<Put, Busy> {
        Ok(claim(&self.kernel.0)?.fail(code, counted))
    }

    /// Ends the oldest message in flight without an answer.
    ///
    /// # Errors
    /// Where somebody else has the kernel's end.
    pub fn pass(&self) -> Result<(), Busy> {
        claim(&self.kernel.0)?.pass();
        Ok(())
    }

    /// Counts an error and marks the oldest unmarked message in flight.
    ///
    /// # Errors
    /// Where somebody else has the kernel's end.
    pub fn record_error(&self) -> Result<(), Busy> {
        claim(&self.kernel.0)?.record_error();
        Ok(())
    }

    /// The kernel's code has ended: ends what is in flight and discards what is queued. Nothing is
    /// accepted, taken or replied afterwards. Returns how many messages were discarded.
    pub fn end(&self, end: End) -> u64 {
        self.close_input();
        turn(&self.kernel.0).end(end)
    }

    /// An exception left the kernel's code, which starts again on the same queues; how many
    /// messages were discarded. `counted`: the exception is among the errors already.
    pub fn restart(&self, counted: bool) -> u64 {
        turn(&self.kernel.0).restart(counted)
    }

    /// Throws the replies nobody collected away; how many there were, errors among them.
    pub fn discard_replies(&self) -> u64 {
        let mut end = turn(&self.receiving.0);
        let (replies, errors) = end.discard();
        if let Some(ledger) = &self.ledger {
            ledger.replies_discarded(replies, errors);
        }
        replies + errors
    }

    /// Hands no more messages out until [`Self::resume`].
    pub fn pause(&self) {
        turn(&self.kernel.0).delivering = false;
    }

    /// Hands messages out.
    pub fn resume(&self) {
        turn(&self.kernel.0).delivering = true;
        self.waits.kernel.unpark();
    }

    /// Accepts no more messages; those queued are still handed out.
    pub fn close_input(&self) {
        turn(&self.sending.0).close();
    }

    /// Accepts no more replies; those made can still be collected.
    pub fn close_output(&self) {
        turn(&self.kernel.0).replying = false;
    }

    /// Lengths of the queues and of the flight, measured.
    #[must_use]
    pub fn depths(&self) -> Depths {
        Depths {
            queue: self.input.depth() as u64,
            in_flight: self.work.in_flight(),
            output: self.output.depth() as u64,
        }
    }

    /// Whether the kernel has no work: nothing is queued or in flight, and since it took a message
    /// it has asked for the next.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.input.depth() == 0 && self.work.is_at_rest()
    }

    /// Whether the oldest reply is an error.
    ///
    /// # Errors
    /// Where somebody else is receiving.
    pub fn is_error_next(&self) -> Result<bool, Busy> {
        Ok(claim(&self.receiving.0)?.is_error_next())
    }

    /// Whether a message is in the queue.
    #[must_use]
    pub fn has_message(&self) -> bool {
        self.input.depth() > 0
    }

    /// Whether there is a reply, or an error in its place.
    #[must_use]
    pub fn has_reply(&self) -> bool {
        self.output.depth() > 0
    }

    /// Bytes of a message.
    #[must_use]
    pub fn input_bytes(&self) -> usize {
        self.options.input.record_bytes()
    }

    /// Bytes of a reply.
    #[must_use]
    pub fn output_bytes(&self) -> usize {
        self.options.output.record_bytes()
    }

    /// Where its parties wait.
    #[must_use]
    pub fn waits(&self) -> &Waits {
        &self.waits
    }

    /// Record and queues at one moment, or None without a ledger.
    #[must_use]
    pub fn snapshot(&self) -> Option<Snapshot> {
        let ledger = self.ledger.as_ref()?;
        Some(ledger.snapshot(self.depths()))
    }

    /// The ledger, where there is one.
    #[must_use]
    pub fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_deref()
    }
}

/// A ring in memory of its own.
fn queue(
    shape: Shape,
    segment: &Segment,
    ready: &Arc<Parker>,
    space: &Arc<Parker>,
) -> Result<(Producer, Consumer), NoRoom> {
    let block = segment.allocate(shape.bytes())?;
    let (ready, space) = (Arc::clone(ready), Arc::clone(space));
    Ok(ring(shape, Box::new(block), ready, space))
}

/// Has an end for itself, or learns that somebody else has it.
fn claim<T>(end: &Mutex<T>) -> Result<MutexGuard<'_, T>, Busy> {
    end.try_lock().map_err(|_| Busy)
}

/// Has an end for itself once it is free: no holder of it waits for anything.
fn turn<T>(end: &Mutex<T>) -> MutexGuard<'_, T> {
    end.lock().expect("no holder panics")
}
