//! A mailbox as plain lists: every message keeps its fate, and counts are made by looking.

use _core::mailbox::{End, MailboxOptions};
use _core::record::Shown;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Queued,
    InFlight { marked: bool },
    Processed,
    Unanswered,
    Errored,
    Dropped,
    Discarded,
}

#[derive(Debug)]
struct Message {
    priority: u8,
    fate: Fate,
    /// It ended before the last reset, so it shows no more.
    old: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Waiting,
    Collected,
    ThrownAway,
}

#[derive(Debug)]
struct Answer {
    is_error: bool,
    place: Place,
    old: bool,
}

#[derive(Debug)]
pub(crate) struct Model {
    options: MailboxOptions,
    messages: Vec<Message>,
    flight: Vec<usize>,
    left: Vec<usize>,
    answers: Vec<Answer>,
    errors: u64,
    rejected: u64,
    pub(crate) paused: bool,
    pub(crate) ended: bool,
}

impl Model {
    pub(crate) fn new(options: MailboxOptions) -> Self {
        Self {
            options,
            messages: vec![],
            flight: vec![],
            left: vec![],
            answers: vec![],
            errors: 0,
            rejected: 0,
            paused: false,
            ended: false,
        }
    }

    fn queued(&self) -> Vec<usize> {
        let is_queued = |at: &usize| self.messages[*at].fate == Fate::Queued;
        let mut queued: Vec<usize> = (0..self.messages.len()).filter(is_queued).collect();
        queued.sort_by_key(|&at| (u8::MAX - self.messages[at].priority, at));
        queued
    }

    fn waiting(&self) -> Vec<usize> {
        let waits = |at: &usize| self.answers[*at].place == Place::Waiting;
        (0..self.answers.len()).filter(waits).collect()
    }

    /// Offers the message whose number is the count of messages so far; whether it was accepted.
    pub(crate) fn offer(&mut self, priority: u8, refuse: bool) -> bool {
        if self.ended {
            return false;
        }
        let full = self.queued().len() == self.options.queue_size;
        if full && !self.options.drop_oldest {
            self.rejected += u64::from(refuse);
            return false;
        }
        self.messages.push(Message {
            priority,
            fate: Fate::Queued,
            old: false,
        });
        if full {
            let lowest = |&at: &usize| (self.messages[at].priority, at);
            let dropped = self.queued().into_iter().min_by_key(lowest).unwrap();
            self.messages[dropped].fate = Fate::Dropped;
        }
        true
    }

    /// Offers messages until one is refused; how many were accepted, and which were dropped.
    pub(crate) fn offer_row(&mut self, priorities: &[u8]) -> (usize, Vec<usize>) {
        let before = self.dropped();
        let accepted = priorities.iter().take_while(|&&one| self.offer(one, false));
        let count = accepted.count();
        let mut dropped = self.dropped();
        dropped.retain(|at| !before.contains(at));
        (count, dropped)
    }

    fn dropped(&self) -> Vec<usize> {
        let is_dropped = |at: &usize| self.messages[*at].fate == Fate::Dropped;
        (0..self.messages.len()).filter(is_dropped).collect()
    }

    pub(crate) fn next_id(&self) -> usize {
        self.messages.len()
    }

    fn move_on(&mut self) {
        for at in std::mem::take(&mut self.flight) {
            let marked = self.messages[at].fate == Fate::InFlight { marked: true };
            self.messages[at].fate = match (marked, self.options.replies) {
                (true, _) => Fate::Errored,
                (false, true) => Fate::Unanswered,
                (false, false) => Fate::Processed,
            };
            if self.messages[at].fate == Fate::Unanswered {
                self.left.push(at);
            }
        }
    }

    /// The messages the kernel gets.
    pub(crate) fn take(&mut self, max: usize) -> Vec<usize> {
        self.move_on();
        if self.paused {
            return vec![];
        }
        let taken: Vec<usize> = self.queued().into_iter().take(max).collect();
        for &at in &taken {
            self.messages[at].fate = Fate::InFlight { marked: false };
        }
        self.flight.extend(&taken);
        taken
    }

    fn land_oldest(&mut self) -> Option<usize> {
        (!self.flight.is_empty()).then(|| self.flight.remove(0))
    }

    fn has_room(&self) -> bool {
        !self.ended && self.waiting().len() < self.options.output_queue_size
    }

    fn answer(&mut self, is_error: bool) {
        self.answers.push(Answer {
            is_error,
            place: Place::Waiting,
            old: false,
        });
    }

    pub(crate) fn reply(&mut self) -> bool {
        if !self.has_room() {
            return false;
        }
        self.answer(false);
        if let Some(at) = self.land_oldest() {
            let marked = self.messages[at].fate == Fate::InFlight { marked: true };
            self.messages[at].fate = if marked {
                Fate::Errored
            } else {
                Fate::Processed
            };
        } else if !self.left.is_empty() {
            let at = self.left.remove(0);
            self.messages[at].fate = Fate::Processed;
        }
        true
    }

    pub(crate) fn fail(&mut self, counted: bool) -> bool {
        if !self.has_room() {
            return false;
        }
        self.answer(true);
        self.raise(counted);
        true
    }

    fn raise(&mut self, counted: bool) {
        self.errors += u64::from(!counted);
        if let Some(at) = self.land_oldest() {
            self.messages[at].fate = Fate::Errored;
        }
    }

    /// Some(is it an error) for the reply collected.
    pub(crate) fn collect(&mut self) -> Option<bool> {
        let at = *self.waiting().first()?;
        self.answers[at].place = Place::Collected;
        Some(self.answers[at].is_error)
    }

    /// Some(is it an error) for the reply that comes next.
    pub(crate) fn next_reply(&self) -> Option<bool> {
        self.waiting().first().map(|&at| self.answers[at].is_error)
    }

    /// How many messages are discarded where the code starts again.
    pub(crate) fn restart(&mut self, counted: bool) -> u64 {
        self.raise(counted);
        let discarded: Vec<usize> = self.flight.drain(..).collect();
        for &at in &discarded {
            self.messages[at].fate = Fate::Discarded;
        }
        discarded.len() as u64
    }

    pub(crate) fn discard_replies(&mut self) -> usize {
        let waiting = self.waiting();
        for &at in &waiting {
            self.answers[at].place = Place::ThrownAway;
        }
        waiting.len()
    }

    pub(crate) fn record_error(&mut self) {
        self.errors += 1;
        let unmarked = Fate::InFlight { marked: false };
        let fates = &mut self.messages;
        if let Some(&at) = self.flight.iter().find(|&&at| fates[at].fate == unmarked) {
            fates[at].fate = Fate::InFlight { marked: true };
        }
    }

    pub(crate) fn reset(&mut self) {
        for message in &mut self.messages {
            message.old |= !matches!(message.fate, Fate::Queued | Fate::InFlight { .. });
        }
        for answer in &mut self.answers {
            answer.old |= answer.place != Place::Waiting;
        }
        (self.errors, self.rejected) = (0, 0);
    }

    /// How many messages are discarded.
    pub(crate) fn end(&mut self, end: End) -> u64 {
        match end {
            End::Returned => self.move_on(),
            End::Raised { counted } => self.raise(counted),
            End::Cancelled => {}
        }
        let discarded: Vec<usize> = self
            .queued()
            .into_iter()
            .chain(self.flight.drain(..))
            .collect();
        for &at in &discarded {
            self.messages[at].fate = Fate::Discarded;
        }
        self.ended = true;
        discarded.len() as u64
    }

    pub(crate) fn depths(&self) -> (u64, u64, u64) {
        let lengths = (self.queued().len(), self.flight.len(), self.waiting().len());
        (lengths.0 as u64, lengths.1 as u64, lengths.2 as u64)
    }

    pub(crate) fn shown(&self) -> Shown {
        let count = |fate: Fate| {
            let matching = self.messages.iter().filter(|m| !m.old && m.fate == fate);
            matching.count() as u64
        };
        let answers = |is_error: bool| {
            let matching = self
                .answers
                .iter()
                .filter(|a| !a.old && a.is_error == is_error);
            matching.count() as u64
        };
        let placed = |place: Place| {
            let matching = self.answers.iter().filter(|a| !a.old && a.place == place);
            matching.count() as u64
        };
        Shown {
            messages_received: self.messages.iter().filter(|m| !m.old).count() as u64,
            messages_sent: answers(false),
            messages_processed: count(Fate::Processed),
            messages_unanswered: count(Fate::Unanswered),
            messages_errored: count(Fate::Errored),
            messages_dropped: count(Fate::Dropped),
            messages_discarded: count(Fate::Discarded),
            messages_rejected: self.rejected,
            errors: self.errors,
            error_replies: answers(true),
            replies_received: placed(Place::Collected),
            replies_discarded: placed(Place::ThrownAway),
            uptime_ns: 0,
        }
    }
}
