//! The mailbox against a model of plain lists, and each rule of its counts alone.
#![cfg(not(pydotcompute_loom))]

mod large_counts;
mod model;
mod records;
mod steps;

use std::sync::Arc;
use std::time::Duration;

use _core::clock::{Clock, MockClock};
use _core::mailbox::{
    End, Ledger, MailboxOptions, ObjectMailbox, Offer, Reply, ReplyOutcome, Take,
};
use _core::record::{KernelRecord, Shown, Snapshot, State};
use model::Model;
use proptest::prelude::*;
use steps::{hand_out, life, step, take_row};

type Mailbox = ObjectMailbox<usize>;

const OPTIONS: MailboxOptions = MailboxOptions {
    queue_size: 3,
    output_queue_size: 3,
    drop_oldest: false,
    replies: true,
};

fn open_mailbox(options: MailboxOptions, clock: &MockClock) -> Mailbox {
    open_counting_from(0, options, clock)
}

fn open_counting_from(first: u64, options: MailboxOptions, clock: &MockClock) -> Mailbox {
    let record = Arc::new(KernelRecord::default());
    let ledger = Ledger::open(record, Clock::Mock(clock.clone()), "k", 1).unwrap();
    let mut mailbox = ObjectMailbox::new(options, Some(ledger.counting_from(first)));
    mailbox.resume();
    mailbox
}

fn mailbox() -> Mailbox {
    open_mailbox(OPTIONS, &MockClock::new())
}

fn shown(mailbox: &Mailbox) -> Shown {
    mailbox.snapshot().unwrap().since(None)
}

fn assert_conserved(snapshot: &Snapshot, shown: &Shown) {
    let (depths, s) = (snapshot.depths, shown);
    assert_eq!(
        s.messages_received,
        s.messages_processed
            + s.messages_unanswered
            + s.messages_errored
            + s.messages_dropped
            + s.messages_discarded
            + depths.queue
            + depths.in_flight
    );
    assert_eq!(
        s.messages_sent + s.error_replies,
        s.replies_received + depths.output + s.replies_discarded
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn every_count_is_what_the_model_counts(
        steps in life(), drop_oldest: bool, replies: bool,
    ) {
        let options = MailboxOptions { drop_oldest, replies, ..OPTIONS };
        let mut mailbox = open_mailbox(options, &MockClock::new());
        let (mut model, mut baseline) = (Model::new(options), None);
        for one in &steps {
            step(&mut mailbox, &mut model, &mut baseline, one);
            let snapshot = mailbox.snapshot().unwrap();
            let shown = snapshot.since(baseline.as_ref());
            prop_assert_eq!(shown, model.shown(), "after {:?}", one);
            let depths = snapshot.depths;
            prop_assert_eq!((depths.queue, depths.in_flight, depths.output), model.depths());
            assert_conserved(&snapshot, &shown);
        }
    }
}

#[test]
fn three_taken_then_three_replies_are_three_processed() {
    let mut mailbox = mailbox();
    for id in 0..3 {
        assert_eq!(mailbox.offer(id, 128, false), Offer::Accepted(None));
        assert_eq!(mailbox.take(), Take::Message(id));
    }
    assert_eq!(shown(&mailbox).messages_unanswered, 2);
    for _ in 0..3 {
        assert_eq!(mailbox.reply(9), ReplyOutcome::Sent);
    }
    let after = shown(&mailbox);
    assert_eq!(
        (after.messages_processed, after.messages_unanswered),
        (3, 0)
    );
}

#[test]
fn a_second_try_of_one_asking_ends_nothing() {
    let mut mailbox = mailbox();
    mailbox.offer(0, 128, false);
    assert_eq!(mailbox.take(), Take::Message(0));
    assert_eq!(mailbox.take_again(), Take::Empty);
    mailbox.offer(1, 128, false);
    assert_eq!(mailbox.ask_batch_again(5), Take::Message(1));
    assert_eq!(hand_out(&mut mailbox, 1), [1]);
    assert_eq!(mailbox.snapshot().unwrap().depths.in_flight, 2);
    assert_eq!(shown(&mailbox).messages_unanswered, 0);
}

#[test]
fn a_kernel_is_idle_until_it_takes_a_message_and_again_once_it_has_asked_in_vain() {
    let mut mailbox = mailbox();
    assert!(mailbox.is_idle());
    mailbox.offer(0, 128, false);
    assert!(!mailbox.is_idle());
    mailbox.take();
    assert!(!mailbox.is_idle());
    mailbox.reply(0);
    assert!(!mailbox.is_idle());
    mailbox.take();
    assert!(mailbox.is_idle());
}

#[test]
fn a_restart_costs_what_is_in_flight_and_keeps_the_queues() {
    let mut mailbox = mailbox();
    for id in 0..3 {
        mailbox.offer(id, 128, false);
    }
    take_row(&mut mailbox, 2);
    assert_eq!(mailbox.restart(false), 1);
    let after = shown(&mailbox);
    assert_eq!((after.messages_errored, after.messages_discarded), (1, 1));
    assert_eq!((after.errors, mailbox.snapshot().unwrap().restarts), (1, 1));
    assert_eq!(mailbox.take(), Take::Message(2));
    assert_eq!(shown(&mailbox).messages_unanswered, 0);
}

#[test]
fn a_late_answer_to_a_message_left_before_the_reset_is_sent_and_not_processed() {
    let mut mailbox = mailbox();
    mailbox.offer(0, 128, false);
    mailbox.take();
    mailbox.take();
    let reset = mailbox.snapshot();
    mailbox.offer(1, 128, false);
    mailbox.take();
    mailbox.take();
    mailbox.reply(0);
    let after_first = mailbox.snapshot().unwrap().since(reset.as_ref());
    assert_eq!(
        (after_first.messages_sent, after_first.messages_processed),
        (1, 0)
    );
    assert_eq!(after_first.messages_unanswered, 1);
    mailbox.reply(1);
    let after_second = mailbox.snapshot().unwrap().since(reset.as_ref());
    assert_eq!(
        (after_second.messages_sent, after_second.messages_processed),
        (2, 1)
    );
    assert_eq!(after_second.messages_unanswered, 0);
}

#[test]
fn a_full_queue_gives_the_message_back_and_counts_a_rejection_only_where_it_refuses() {
    let mut mailbox = mailbox();
    for id in 0..3 {
        mailbox.offer(id, 128, false);
    }
    assert_eq!(mailbox.offer(3, 128, false), Offer::Full(3));
    assert_eq!(shown(&mailbox).messages_rejected, 0);
    assert_eq!(mailbox.offer(3, 128, true), Offer::Full(3));
    assert_eq!(shown(&mailbox).messages_rejected, 1);
    assert_eq!(shown(&mailbox).messages_received, 3);
}

#[test]
fn a_closed_input_hands_out_what_is_queued_and_then_ends() {
    let mut mailbox = mailbox();
    mailbox.offer(7, 128, false);
    mailbox.close_input();
    assert_eq!(mailbox.offer(8, 128, true), Offer::Closed(8));
    assert_eq!(mailbox.take(), Take::Message(7));
    assert_eq!(mailbox.take(), Take::End);
    assert_eq!(shown(&mailbox).messages_rejected, 0);
}

#[test]
fn a_full_output_gives_the_reply_back_and_leaves_its_message_in_flight() {
    let mut mailbox = mailbox();
    for _ in 0..3 {
        mailbox.reply(1);
    }
    mailbox.offer(0, 128, false);
    mailbox.take();
    assert_eq!(mailbox.reply(2), ReplyOutcome::Full(2));
    assert_eq!(mailbox.snapshot().unwrap().depths.in_flight, 1);
    assert_eq!(shown(&mailbox).messages_sent, 3);
    mailbox.close_output();
    assert_eq!(mailbox.reply(2), ReplyOutcome::Closed(2));
}

#[test]
fn without_a_ledger_messages_move_and_nothing_is_counted() {
    let mut mailbox = ObjectMailbox::<usize>::new(OPTIONS, None);
    mailbox.resume();
    mailbox.offer(4, 128, false);
    assert_eq!(mailbox.take(), Take::Message(4));
    assert_eq!(mailbox.reply(5), ReplyOutcome::Sent);
    assert_eq!(mailbox.collect(), Some(Reply::Value(5)));
    assert_eq!(mailbox.snapshot(), None);
    mailbox.offer(6, 128, false);
    assert_eq!(mailbox.end(End::Cancelled), (vec![6], 1));
}

#[test]
fn uptime_runs_from_activation_or_reset_to_the_snapshot_or_the_end() {
    let clock = MockClock::new();
    let mut mailbox = open_mailbox(OPTIONS, &clock);
    let uptime = |mailbox: &Mailbox, baseline: Option<&Snapshot>| {
        mailbox.snapshot().unwrap().since(baseline).uptime_ns
    };
    clock.advance(Duration::from_secs(1));
    assert_eq!(uptime(&mailbox, None), 0);
    mailbox.ledger().unwrap().set_state(State::Active);
    clock.advance(Duration::from_secs(2));
    assert_eq!(uptime(&mailbox, None), 2_000_000_000);
    let reset = mailbox.snapshot();
    mailbox.ledger().unwrap().set_state(State::Deactivated);
    mailbox.ledger().unwrap().set_state(State::Active);
    clock.advance(Duration::from_secs(3));
    assert_eq!(uptime(&mailbox, None), 5_000_000_000);
    assert_eq!(uptime(&mailbox, reset.as_ref()), 3_000_000_000);
    mailbox.end(End::Returned);
    mailbox.ledger().unwrap().set_state(State::Terminated);
    let after_end = mailbox.snapshot();
    clock.advance(Duration::from_secs(4));
    assert_eq!(uptime(&mailbox, None), 5_000_000_000);
    assert_eq!(uptime(&mailbox, after_end.as_ref()), 0);
}
