//! The mailbox of kernels whose messages are objects in one address space.

mod batches;

use std::collections::VecDeque;

use super::Ledger;
use super::flight::Flight;
use super::outcome::{Collect, End, MailboxOptions, Offer, Refusal, Reply, ReplyOutcome, Take};
use crate::queue::{Entry, PriorityQueue, Sample, TraceSlot};
use crate::record::{Depths, Snapshot};

/// Two bounded queues of objects and the ledger that counts what passes.
///
/// Not synchronised: the owner holds the token (for Python references the interpreter lock).
/// No call drops a message that it was not given: what leaves a queue is returned, so that the
/// owner drops it after the borrow.
#[derive(Debug)]
pub struct ObjectMailbox<M> {
    input: PriorityQueue<M>,
    output: VecDeque<Reply<M>>,
    flight: Flight,
    options: MailboxOptions,
    accepting: bool,
    delivering: bool,
    replying: bool,
    ledger: Option<Ledger>,
}

impl<M> ObjectMailbox<M> {
    /// An open, paused mailbox: it accepts messages and hands none out until [`Self::resume`].
    ///
    /// Without a ledger nothing is counted and nothing is timed.
    #[must_use]
    pub fn new(options: MailboxOptions, ledger: Option<Ledger>) -> Self {
        Self {
            input: PriorityQueue::new(options.queue_size),
            output: VecDeque::new(),
            flight: Flight::default(),
            options,
            accepting: true,
            delivering: false,
            replying: true,
            ledger,
        }
    }

    /// Puts a message into the input queue.
    ///
    /// `refuse`: a full queue is a rejected send, and counted as such; otherwise the caller waits.
    #[inline]
    pub fn offer(&mut self, message: M, priority: u8, refuse: bool) -> Offer<M> {
        if !self.accepting {
            return Offer::Closed(message);
        }
        if self.input.is_full() && !self.options.drop_oldest {
            self.count(|ledger| {
                if refuse {
                    ledger.rejected(1);
                }
            });
            return Offer::Full(message);
        }
        let entry = self.entry(message);
        let dropped = self.input.push_dropping(entry, priority);
        self.count(|ledger| {
            ledger.accepted(1, self.input.len() as u64);
            if dropped.is_some() {
                ledger.dropped(1);
            }
        });
        Offer::Accepted(dropped.map(|entry| entry.message))
    }

    /// Hands the kernel its next message; asking ends the ones in flight.
    #[inline]
    pub fn take(&mut self) -> Take<M> {
        self.move_on();
        self.take_again()
    }

    /// Tries once more what the kernel has asked for already: ends nothing, because another task
    /// of the kernel may have taken a message meanwhile.
    #[inline]
    pub fn take_again(&mut self) -> Take<M> {
        match self.next_message() {
            Some(message) => Take::Message(message),
            None => self.nothing_to_take(),
        }
    }

    /// Puts a reply into the output queue; it ends the oldest message in flight, or answers the
    /// oldest one left unanswered.
    #[inline]
    pub fn reply(&mut self, message: M) -> ReplyOutcome<M> {
        if let Some(refused) = self.refuses_reply() {
            return refused.of(message);
        }
        self.output.push_back(Reply::Value(message));
        self.answer(1);
        ReplyOutcome::Sent
    }

    /// Puts an error into the output queue in the place of a reply and ends the oldest message in
    /// flight as errored. `counted`: the same exception is among the errors already.
    pub fn fail(&mut self, error: M, counted: bool) -> ReplyOutcome<M> {
        if let Some(refused) = self.refuses_reply() {
            return refused.of(error);
        }
        self.output.push_back(Reply::Error(error));
        let landed = self.flight.land_oldest();
        self.count(|ledger| {
            ledger.error_replied();
            if !counted {
                ledger.error();
            }
            if landed.is_some() {
                ledger.errored(1);
            }
        });
        self.time_services();
        ReplyOutcome::Sent
    }

    /// Hands the oldest reply to a caller.
    #[inline]
    pub fn collect(&mut self) -> Collect<M> {
        self.collect_at(0)
    }

    /// Hands the reply at `index` to a caller, 0 being the oldest.
    #[inline]
    pub fn collect_at(&mut self, index: usize) -> Collect<M> {
        let reply = self.output.remove(index)?;
        self.count(|ledger| match &reply {
            Reply::Value(_) => ledger.collected(1),
            Reply::Error(_) => ledger.error_collected(),
        });
        Some(reply)
    }

    /// Counts an error and marks the oldest unmarked message in flight.
    pub fn record_error(&mut self) {
        self.flight.mark();
        self.count(Ledger::error);
    }

    /// The kernel's code has ended: ends what is in flight and discards what is queued.
    ///
    /// Returns the queued messages, for the owner to drop, and how many messages were discarded
    /// in all. Nothing is accepted, taken or replied afterwards.
    pub fn end(&mut self, end: End) -> (Vec<M>, u64) {
        self.accepting = false;
        self.replying = false;
        let in_flight = match end {
            End::Returned => {
                self.move_on();
                0
            }
            End::Raised { counted } => self.raised(counted),
            End::Cancelled => self.flight.count(),
        };
        self.flight.land_all();
        self.time_services();
        let queued: Vec<M> = self.input.drain().into_iter().map(|e| e.message).collect();
        let discarded = in_flight + queued.len() as u64;
        self.count(|ledger| ledger.discarded(discarded));
        (queued, discarded)
    }

    /// An exception left the kernel's code, which starts again: the oldest message in flight has
    /// ended in error, the others in flight are discarded, and the queues stay. Returns how many
    /// were discarded. `counted`: the exception is among the errors already.
    pub fn restart(&mut self, counted: bool) -> u64 {
        let discarded = self.raised(counted);
        self.flight.land_all();
        self.time_services();
        self.flight.ask_in_vain(); // code that starts has taken nothing yet
        self.count(|ledger| {
            ledger.discarded(discarded);
            ledger.restarted();
        });
        discarded
    }

    /// Throws the replies nobody collected away, and returns them for the owner to drop.
    pub fn discard_replies(&mut self) -> Vec<M> {
        let replies = std::mem::take(&mut self.output);
        let errors = replies
            .iter()
            .filter(|reply| matches!(reply, Reply::Error(_)));
        let errors = errors.count() as u64;
        self.count(|ledger| ledger.replies_discarded(replies.len() as u64 - errors, errors));
        replies.into_iter().map(Reply::into_inner).collect()
    }

    /// Hands no more messages out until [`Self::resume`].
    pub fn pause(&mut self) {
        self.delivering = false;
    }

    /// Hands messages out.
    pub fn resume(&mut self) {
        self.delivering = true;
    }

    /// Accepts no more messages; those queued are still handed out.
    pub fn close_input(&mut self) {
        self.accepting = false;
    }

    /// Accepts no more replies; those made can still be collected.
    pub fn close_output(&mut self) {
        self.replying = false;
    }

    /// Lengths of the queues and of the flight, measured.
    #[must_use]
    pub fn depths(&self) -> Depths {
        Depths {
            queue: self.input.len() as u64,
            in_flight: self.flight.count(),
            output: self.output.len() as u64,
        }
    }

    /// Whether the kernel has no work: nothing is queued or in flight, and since it took a message
    /// it has asked for the next. What it does between an answer and the next asking is work.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.input.is_empty() && self.flight.is_at_rest()
    }

    /// Whether the kernel would get a message now.
    #[inline]
    #[must_use]
    pub fn has_message(&self) -> bool {
        self.delivering && !self.input.is_empty()
    }

    /// The replies, oldest first, left where they are.
    pub fn replies(&self) -> impl Iterator<Item = &M> {
        self.output.iter().map(Reply::inner)
    }

    /// Whether the oldest reply is an error.
    #[must_use]
    pub fn is_error_next(&self) -> bool {
        matches!(self.output.front(), Some(Reply::Error(_)))
    }

    /// Whether the output queue has no room.
    #[must_use]
    fn is_output_full(&self) -> bool {
        self.output.len() >= self.options.output_queue_size
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
        self.ledger.as_ref()
    }

    /// Every object held, for a garbage collector's visit.
    pub fn objects(&self) -> impl Iterator<Item = &M> {
        self.input.iter().chain(self.replies())
    }

    /// A message on its way into the queue, timed where it is its turn.
    #[inline]
    fn entry(&mut self, message: M) -> Entry<M> {
        Entry {
            message,
            trace: TraceSlot::NONE,
            sample: self.ledger.as_mut().map_or(Sample::NONE, Ledger::sample),
        }
    }

    #[inline]
    fn count(&self, write: impl FnOnce(&Ledger)) {
        if let Some(ledger) = &self.ledger {
            write(ledger);
        }
    }

    /// Ends all messages in flight without an answer.
    #[inline]
    fn move_on(&mut self) {
        if self.flight.count() == 0 {
            return;
        }
        let landed = self.flight.land_all();
        self.count(|ledger| {
            ledger.errored(landed.marked);
            if self.options.replies {
                ledger.unanswered(landed.unmarked);
            } else {
                ledger.answered(landed.unmarked);
            }
        });
        self.time_services();
    }

    /// So many replies were made: each ends a message in flight, or answers one left unanswered.
    #[inline]
    fn answer(&mut self, count: u64) {
        let landed = self.flight.land(count);
        self.count(|ledger| {
            ledger.sent(count);
            ledger.answered(landed.unmarked);
            if landed.unmarked < count {
                ledger.answered_otherwise(landed.marked, count - landed.unmarked);
            }
        });
        self.time_services();
    }

    /// Times the services that have just ended.
    #[inline]
    fn time_services(&mut self) {
        while let Some(sample) = self.flight.next_timed() {
            self.count(|ledger| ledger.timed_service(sample));
        }
    }

    /// Counts an exception that ends the oldest message in flight; how many are left to discard.
    fn raised(&mut self, counted: bool) -> u64 {
        let oldest = self.flight.land_oldest();
        self.count(|ledger| {
            if !counted {
                ledger.error();
            }
            if oldest.is_some() {
                ledger.errored(1);
            }
        });
        self.flight.count()
    }

    /// Takes the next message off the queue; it is in flight from now on.
    #[inline]
    fn next_message(&mut self) -> Option<M> {
        let entry = self.delivering.then(|| self.input.pop())??;
        let sample = if entry.sample.is_timed() {
            let ledger = self.ledger.as_ref();
            ledger.map_or(Sample::NONE, |ledger| ledger.timed_wait(entry.sample))
        } else {
            Sample::NONE
        };
        self.flight.take_off(sample);
        Some(entry.message)
    }

    fn nothing_to_take<T>(&mut self) -> Take<T> {
        self.flight.ask_in_vain();
        if !self.accepting && self.input.is_empty() {
            Take::End
        } else {
            Take::Empty
        }
    }

    #[inline]
    fn refuses_reply(&self) -> Option<Refusal> {
        if !self.replying {
            Some(Refusal::Closed)
        } else if self.is_output_full() {
            Some(Refusal::Full)
        } else {
            None
        }
    }
}
