//! What is timed, from when to when, on a clock turned by hand.
#![cfg(not(pydotcompute_loom))]

mod model;
mod sampling;

use std::sync::Arc;
use std::time::Duration;

use _core::clock::{Clock, MockClock};
use _core::mailbox::{End, Ledger, MailboxOptions, ObjectMailbox, Sampler, Take};
use _core::record::{KernelRecord, Latencies, LatencyRecord, State};
use model::take_row;

pub(crate) type Mailbox = ObjectMailbox<usize>;

pub(crate) const OPTIONS: MailboxOptions = MailboxOptions {
    queue_size: 4,
    output_queue_size: 4,
    drop_oldest: false,
    replies: true,
};

pub(crate) fn ledger(clock: &MockClock) -> Ledger {
    let record = Arc::new(KernelRecord::default());
    Ledger::open(record, Clock::Mock(clock.clone()), "k", 1).unwrap()
}

pub(crate) fn timed_mailbox(options: MailboxOptions, clock: &MockClock, by: Sampler) -> Mailbox {
    let ledger = ledger(clock).timing(Arc::new(LatencyRecord::default()), by);
    let mut mailbox = ObjectMailbox::new(options, Some(ledger));
    mailbox.resume();
    mailbox
}

/// A mailbox and its clock, which `pass` moves on by nanoseconds.
struct Scene {
    mailbox: Mailbox,
    clock: MockClock,
}

impl Scene {
    fn new(options: MailboxOptions) -> Self {
        let clock = MockClock::new();
        let mailbox = timed_mailbox(options, &clock, Sampler::new(1));
        Self { mailbox, clock }
    }

    fn pass(&self, nanoseconds: u64) {
        self.clock.advance(Duration::from_nanos(nanoseconds));
    }

    fn offer(&mut self) {
        self.mailbox.offer(0, 128, false);
    }

    fn latencies(&self) -> Latencies {
        self.mailbox.snapshot().unwrap().latencies
    }

    /// Samples and sum of the waits.
    fn waits(&self) -> (u64, u64) {
        let waits = self.latencies().queue_wait;
        (waits.samples(), waits.sum_ns())
    }

    /// Samples and sum of the services.
    fn services(&self) -> (u64, u64) {
        let services = self.latencies().service;
        (services.samples(), services.sum_ns())
    }
}

/// Puts a message in flight that waited 5 ns and is worked on for 7, and ends it.
fn ended_by(end: impl Fn(&mut Mailbox)) -> Scene {
    let mut scene = Scene::new(OPTIONS);
    scene.offer();
    scene.pass(5);
    assert_eq!(scene.mailbox.take(), Take::Message(0));
    assert_eq!((scene.waits(), scene.services()), ((1, 5), (0, 0)));
    scene.pass(7);
    end(&mut scene.mailbox);
    scene
}

macro_rules! every_ending_is_timed {
    ($($name:ident: $end:expr;)*) => {
        $(#[test]
        fn $name() {
            let scene = ended_by($end);
            assert_eq!((scene.waits(), scene.services()), ((1, 5), (1, 7)));
        })*
    };
}

every_ending_is_timed! {
    a_message_answered_is_timed: |mailbox| { mailbox.reply(1); };
    a_message_that_failed_is_timed: |mailbox| { mailbox.fail(1, false); };
    a_message_asked_past_is_timed: |mailbox| { mailbox.take(); };
    a_message_asked_past_for_a_batch_of_none_is_timed: |mailbox| { take_row(mailbox, 0); };
    a_message_whose_kernel_returned_is_timed: |mailbox| { mailbox.end(End::Returned); };
    a_message_whose_kernel_was_cancelled_is_timed: |mailbox| { mailbox.end(End::Cancelled); };
    a_message_whose_kernel_raised_is_timed: |mailbox| {
        mailbox.end(End::Raised { counted: false });
    };
    a_message_whose_kernel_starts_again_is_timed: |mailbox| {
        mailbox.restart(false);
    };
    a_message_marked_and_then_answered_is_timed_to_the_answer: |mailbox| {
        mailbox.record_error();
        mailbox.reply(1);
    };
}

#[test]
fn a_late_answer_times_nothing_again() {
    let mut scene = ended_by(|mailbox| {
        mailbox.take();
    });
    scene.pass(100);
    scene.mailbox.reply(1);
    assert_eq!(scene.services(), (1, 7));
}

#[test]
fn a_message_whose_reply_finds_no_room_is_timed_until_there_is_some() {
    let mut scene = Scene::new(OPTIONS);
    for _ in 0..4 {
        scene.mailbox.reply(1);
    }
    scene.offer();
    scene.mailbox.take();
    scene.mailbox.reply(1);
    scene.pass(7);
    assert_eq!(scene.services(), (0, 0));
    scene.mailbox.collect();
    scene.mailbox.reply(1);
    assert_eq!(scene.services(), (1, 7));
}

#[test]
fn each_message_of_a_batch_is_timed_to_its_own_end() {
    let mut scene = Scene::new(OPTIONS);
    for _ in 0..4 {
        scene.offer();
        scene.pass(1);
    }
    assert_eq!(take_row(&mut scene.mailbox, 3), 3);
    assert_eq!(scene.waits(), (3, 4 + 3 + 2));
    scene.pass(10);
    scene.mailbox.reply(1);
    assert_eq!(scene.services(), (1, 10));
    scene.pass(20);
    scene.mailbox.fail(1, false);
    assert_eq!(scene.services(), (2, 10 + 30));
    scene.pass(30);
    scene.mailbox.take();
    assert_eq!(scene.services(), (3, 10 + 30 + 60));
    assert_eq!(scene.waits(), (4, 9 + 61));
}

#[test]
fn the_oldest_that_raised_and_the_rest_that_is_discarded_are_timed() {
    let mut scene = Scene::new(OPTIONS);
    for _ in 0..4 {
        scene.offer();
    }
    take_row(&mut scene.mailbox, 3);
    scene.pass(9);
    scene.mailbox.end(End::Raised { counted: false });
    assert_eq!((scene.waits(), scene.services()), ((3, 0), (3, 27)));
}

#[test]
fn all_in_flight_are_timed_until_their_kernel_starts_again() {
    let mut scene = Scene::new(OPTIONS);
    for _ in 0..4 {
        scene.offer();
    }
    take_row(&mut scene.mailbox, 2);
    scene.pass(9);
    scene.mailbox.restart(false);
    assert_eq!(scene.services(), (2, 18));
    scene.pass(1);
    scene.mailbox.take_again();
    assert_eq!(scene.waits(), (3, 10));
}

#[test]
fn a_message_that_is_never_taken_has_no_wait() {
    let mut scene = Scene::new(MailboxOptions {
        queue_size: 1,
        drop_oldest: true,
        ..OPTIONS
    });
    scene.offer();
    scene.pass(5);
    scene.offer();
    scene.pass(5);
    scene.mailbox.end(End::Cancelled);
    assert_eq!((scene.waits(), scene.services()), ((0, 0), (0, 0)));
}

#[test]
fn a_refused_message_is_not_among_those_that_samples_stand_for() {
    let mut scene = Scene::new(MailboxOptions {
        queue_size: 1,
        ..OPTIONS
    });
    for _ in 0..3 {
        scene.offer();
    }
    scene.mailbox.take();
    scene.offer();
    scene.mailbox.take();
    assert_eq!(scene.latencies().queue_wait.count(), 2);
}

#[test]
fn a_message_that_was_overtaken_waited_longer() {
    let mut scene = Scene::new(OPTIONS);
    scene.offer();
    scene.pass(4);
    scene.mailbox.offer(1, 200, false);
    scene.pass(2);
    assert_eq!(scene.mailbox.take(), Take::Message(1));
    assert_eq!(scene.waits(), (1, 2));
    scene.pass(10);
    assert_eq!(scene.mailbox.take(), Take::Message(0));
    assert_eq!(scene.waits(), (2, 2 + 16));
}

#[test]
fn a_paused_kernels_messages_wait() {
    let mut scene = Scene::new(OPTIONS);
    scene.mailbox.pause();
    scene.offer();
    scene.mailbox.take();
    scene.pass(30);
    scene.mailbox.resume();
    scene.mailbox.take();
    assert_eq!(scene.waits(), (1, 30));
}

#[test]
fn a_ledger_without_timing_times_nothing() {
    let mut mailbox = ObjectMailbox::<usize>::new(OPTIONS, Some(ledger(&MockClock::new())));
    mailbox.resume();
    mailbox.offer(0, 128, false);
    mailbox.take();
    mailbox.reply(1);
    let snapshot = mailbox.snapshot().unwrap();
    assert_eq!(snapshot.latencies, Latencies::default());
    assert_eq!(snapshot.since(None).messages_processed, 1);
}

#[test]
fn a_reset_starts_latencies_and_the_duty_again() {
    let mut scene = Scene::new(OPTIONS);
    let ledger = scene.mailbox.ledger().unwrap();
    ledger.set_state(State::Active);
    scene.offer();
    scene.mailbox.take();
    scene.pass(30);
    scene.mailbox.reply(1);
    scene.pass(90);
    let reset = scene.mailbox.snapshot().unwrap();
    let before = reset.latency_since(None);
    assert_eq!(before.duty_ratio, Some(0.25));
    let at_once = reset.latency_since(Some(&reset));
    assert_eq!(at_once, _core::record::ShownLatency::default());

    scene.offer();
    scene.pass(4);
    scene.mailbox.take();
    scene.pass(12);
    scene.mailbox.reply(1);
    let after = scene
        .mailbox
        .snapshot()
        .unwrap()
        .latency_since(Some(&reset));
    assert_eq!(after.queue_wait.unwrap().sum_ns, 4);
    let service = after.service.unwrap();
    assert_eq!((service.count, service.sum_ns, service.max_ns), (1, 12, 12));
    assert_eq!(
        (after.duty_ratio, after.sample_rate),
        (Some(0.75), Some(1.0))
    );
    assert_eq!(scene.services(), (2, 42), "cumulative ones never go back");
}
