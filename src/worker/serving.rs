//! What a worker's thread does.

use std::sync::Arc;
use std::thread::yield_now;
use std::time::{Duration, Instant};

use super::batch::{BatchSize, LONG};
use super::bell::Rope;
use super::handler::{Handler, NO_REPLY, Records};
use super::patience::Patience;
use super::signal::News;
use super::thread::Shared;
use crate::mailbox::{Busy, Put, RecordMailbox, Take};
use crate::parker::Parker;

/// Every wait has an end behind it.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Messages are taken no more: the input ended, or the worker is to stop.
pub(super) struct Over;

/// A thread at work.
pub(super) struct Serving {
    shared: Arc<Shared>,
    mailbox: Arc<RecordMailbox>,
    handler: Handler,
    rope: Rope,
    size: BatchSize,
    patience: Patience,
    messages: Records,
    /// Replies made, of which the first `made` are not in the output queue yet.
    replies: Records,
    made: usize,
}

impl Serving {
    pub(super) fn new(
        shared: Arc<Shared>,
        mailbox: Arc<RecordMailbox>,
        handler: Handler,
        rope: Rope,
    ) -> Self {
        let (input, output) = (mailbox.input_bytes(), mailbox.output_bytes());
        let size = BatchSize::new(input.max(output));
        Self {
            messages: Records::new(input, size.most()),
            replies: Records::new(output, size.most()),
            made: 0,
            shared,
            mailbox,
            handler,
            rope,
            size,
            patience: Patience::for_this_machine(),
        }
    }

    /// Handles messages until there will be none or the worker is to stop.
    pub(super) fn run(&mut self) -> Over {
        self.shared.placement.enter();
        loop {
            if let Err(over) = self.take().and_then(|count| self.handle_all(count)) {
                return over;
            }
        }
    }

    /// Waits for messages; how many there are.
    fn take(&mut self) -> Result<usize, Over> {
        let mailbox = Arc::clone(&self.mailbox);
        let mut has_asked = false;
        loop {
            self.shared.check()?;
            let room = self.messages.first(self.size.now());
            let taken = if has_asked {
                mailbox.take_again(room)
            } else {
                mailbox.take(room)
            };
            match taken {
                Ok(Take::Message(count)) => {
                    self.shared.hints.stay_awake();
                    self.tell(News::Room);
                    return Ok(count);
                }
                Ok(Take::End) => return Err(Over),
                Ok(Take::Empty) => {
                    has_asked = true;
                    self.tell(News::Rest);
                    self.wait_for_message();
                }
                Err(Busy) => yield_now(), // somebody pauses or closes: nothing moved
            }
        }
    }

    fn handle_all(&mut self, count: usize) -> Result<(), Over> {
        let begin = Instant::now();
        for index in 0..count {
            self.shared.check()?;
            self.handle(index)?;
        }
        let took = begin.elapsed(); // who gets the replies may push this thread off its core
        self.size.learn(count, took);
        self.shared.hints.set_slow(took > LONG);
        self.flush()
    }

    /// Handles the message at `index`. Replies keep the order of messages, so what ends a message
    /// otherwise comes after the replies before it.
    fn handle(&mut self, index: usize) -> Result<(), Over> {
        let reply = self.replies.at(self.made);
        reply.fill(0);
        match self.handler.call(self.messages.at(index), reply) {
            0 => self.made += 1,
            NO_REPLY => {
                self.flush()?;
                self.pass();
            }
            code => {
                self.flush()?;
                self.fail(code)?;
            }
        }
        Ok(())
    }

    /// Puts the replies made into the output queue, waiting for room.
    fn flush(&mut self) -> Result<(), Over> {
        let mailbox = Arc::clone(&self.mailbox);
        let mut sent = 0;
        while sent < self.made {
            let first = sent * mailbox.output_bytes();
            let put = mailbox.reply(&self.replies.first(self.made)[first..]);
            sent += self.advance(put)?;
        }
        self.made = 0;
        Ok(())
    }

    /// Puts an error in the place of a reply, waiting for room.
    fn fail(&mut self, code: i32) -> Result<(), Over> {
        self.shared.note_error(code);
        while self.advance(self.mailbox.fail(code, false))? == 0 {}
        Ok(())
    }

    /// Ends a message that gets no reply.
    fn pass(&self) {
        while self.mailbox.pass() == Err(Busy) {
            yield_now();
        }
    }

    /// Goes on after an attempt to put replies: how many are there. Waits where there was no room.
    fn advance(&self, put: Result<Put, Busy>) -> Result<usize, Over> {
        match put {
            Ok(Put::Accepted(0)) => self.wait_for_room()?,
            Ok(Put::Accepted(count)) => {
                self.tell(News::Reply);
                return Ok(count);
            }
            Ok(Put::Closed) => return Err(Over),
            Err(Busy) => yield_now(),
        }
        Ok(0)
    }

    /// Where messages are there all the same, the mailbox is paused: no use in looking at them.
    fn wait_for_message(&mut self) {
        let (mailbox, shared) = (&self.mailbox, &self.shared);
        if mailbox.has_message() {
            return sleep(&mailbox.waits().kernel, shared);
        }
        self.patience.wait(
            shared,
            || mailbox.has_message() || shared.check().is_err(),
            || sleep(&mailbox.waits().kernel, shared),
        );
    }

    fn wait_for_room(&self) -> Result<(), Over> {
        self.shared.check()?;
        self.shared.set_blocked(true);
        self.tell(News::Rest);
        sleep(&self.mailbox.waits().room, &self.shared);
        self.shared.set_blocked(false);
        self.shared.check()
    }

    fn tell(&self, news: News) {
        if self.shared.signal.take(news) {
            self.rope.pull();
        }
    }
}

/// Without a look before: whoever comes here has looked as long as it was worth.
fn sleep(place: &Parker, shared: &Shared) {
    shared.hints.fall_asleep();
    shared.placement.while_asleep(|| {
        place.park_at_once(Some(LONGEST_WAIT));
    });
    shared.hints.stay_awake();
}

impl Drop for Serving {
    /// However the thread ends, who waits for that is told.
    fn drop(&mut self) {
        self.shared.placement.leave();
        self.shared.end();
        self.rope.pull();
    }
}
