//! Messages and replies in rows: each call is as many single ones, counted at once.

use super::ObjectMailbox;
use crate::mailbox::{Reply, Take};

impl<M> ObjectMailbox<M> {
    /// Puts messages with their priorities into the input queue, up to the first for which there
    /// is no room; nothing is counted for that one and those behind it.
    ///
    /// Returns how many are in the queue, and the messages that made room for them.
    pub fn offer_batch(&mut self, messages: impl Iterator<Item = (M, u8)>) -> (usize, Vec<M>) {
        let (mut count, mut dropped) = (0, Vec::new());
        for (message, priority) in messages.take(self.input_room()) {
            let entry = self.entry(message);
            let gone = self.input.push_dropping(entry, priority);
            dropped.extend(gone.map(|entry| entry.message));
            count += 1;
        }
        if count > 0 {
            self.count(|ledger| {
                ledger.accepted(count as u64, self.input.len() as u64);
                ledger.dropped(dropped.len() as u64);
            });
        }
        (count, dropped)
    }

    /// How many messages would be accepted now.
    #[must_use]
    pub fn input_room(&self) -> usize {
        match (self.accepting, self.options.drop_oldest) {
            (false, _) => 0,
            (true, true) => usize::MAX,
            (true, false) => self.input.capacity() - self.input.len(),
        }
    }

    /// How many replies would be accepted now.
    #[must_use]
    pub fn output_room(&self) -> usize {
        if self.replying {
            let size = self.options.output_queue_size;
            size.saturating_sub(self.output.len())
        } else {
            0
        }
    }

    /// How many messages the kernel may have now by [`Self::hand_out`], at most `max`; asking ends
    /// the ones in flight.
    pub fn ask_batch(&mut self, max: usize) -> Take<usize> {
        self.move_on();
        self.ask_batch_again(max)
    }

    /// Asks once more what the kernel has asked already; see [`Self::take_again`].
    pub fn ask_batch_again(&mut self, max: usize) -> Take<usize> {
        let ready = if self.delivering { self.input.len() } else { 0 };
        match ready.min(max) {
            0 => self.nothing_to_take(),
            count => Take::Message(count),
        }
    }

    /// Hands the kernel a message it has asked for; None: there is none any more.
    #[inline]
    pub fn hand_out(&mut self) -> Option<M> {
        self.next_message()
    }

    /// Puts replies into the output queue, up to the first for which there is no room; each ends
    /// the oldest message in flight, or answers the oldest one left unanswered. Returns how many.
    pub fn reply_batch(&mut self, replies: impl Iterator<Item = M>) -> usize {
        let before = self.output.len();
        let replies = replies.take(self.output_room());
        self.output.extend(replies.map(Reply::Value));
        let count = self.output.len() - before;
        if count > 0 {
            self.answer(count as u64);
        }
        count
    }

    /// Hands the oldest reply to a caller, where it is no error.
    #[inline]
    pub fn collect_value(&mut self) -> Option<M> {
        let is_value = |reply: &mut Reply<M>| matches!(reply, Reply::Value(_));
        let reply = self.output.pop_front_if(is_value)?;
        self.count(|ledger| ledger.collected(1));
        Some(reply.into_inner())
    }

    /// How many replies come before the first error or the end of the output queue, at most `max`.
    #[must_use]
    pub fn replies_ready(&self, max: usize) -> usize {
        let replies = self.output.iter().take(max);
        replies
            .take_while(|reply| matches!(reply, Reply::Value(_)))
            .count()
    }
}
