//! What may happen to a mailbox, in any order, and how mailbox and model take it.

use _core::mailbox::{End, Offer, Reply, ReplyOutcome, Take};
use _core::record::Snapshot;
use proptest::prelude::*;

use crate::Mailbox;
use crate::model::Model;

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Offer { priority: u8, refuse: bool },
    Take,
    OfferRow(Vec<u8>),
    TakeRow(usize),
    Reply,
    ReplyRow(usize),
    Fail { counted: bool },
    Collect,
    CollectRow(usize),
    RecordError,
    Pause,
    Resume,
    Reset,
    End(End),
    DiscardReplies,
}

fn live_step() -> impl Strategy<Value = Step> {
    let priority = || prop_oneof![4 => Just(128_u8), 1 => 126_u8..=130];
    prop_oneof![
        8 => (priority(), any::<bool>())
            .prop_map(|(priority, refuse)| Step::Offer { priority, refuse }),
        6 => Just(Step::Take),
        2 => prop::collection::vec(priority(), 0..5).prop_map(Step::OfferRow),
        2 => (1_usize..4).prop_map(Step::TakeRow),
        8 => Just(Step::Reply),
        2 => any::<bool>().prop_map(|counted| Step::Fail { counted }),
        2 => (0_usize..5).prop_map(Step::ReplyRow),
        8 => Just(Step::Collect),
        2 => (1_usize..5).prop_map(Step::CollectRow),
        2 => Just(Step::RecordError),
        1 => Just(Step::Pause),
        2 => Just(Step::Resume),
        1 => Just(Step::Reset),
    ]
}

fn end_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::End(End::Returned)),
        Just(Step::End(End::Cancelled)),
        any::<bool>().prop_map(|counted| Step::End(End::Raised { counted })),
    ]
}

fn late_step() -> impl Strategy<Value = Step> {
    let offer = Step::Offer {
        priority: 128,
        refuse: true,
    };
    prop_oneof![
        Just(offer),
        Just(Step::Collect),
        Just(Step::DiscardReplies),
        Just(Step::Reset),
        Just(Step::Take),
        Just(Step::Reply),
        Just(Step::OfferRow(vec![128, 128])),
        Just(Step::ReplyRow(2)),
        Just(Step::CollectRow(2)),
    ]
}

pub(crate) fn take_row(mailbox: &mut Mailbox, max: usize) -> Vec<usize> {
    match mailbox.ask_batch(max) {
        Take::Message(count) => hand_out(mailbox, count),
        Take::Empty | Take::End => vec![],
    }
}

pub(crate) fn hand_out(mailbox: &mut Mailbox, count: usize) -> Vec<usize> {
    let row = (0..count).map(|_| mailbox.hand_out().unwrap());
    row.collect()
}

fn collect_row(mailbox: &mut Mailbox, max: usize) -> usize {
    let count = mailbox.replies_ready(max);
    (0..count).for_each(|_| assert_eq!(mailbox.collect_value(), Some(0)));
    if count < max {
        assert_eq!(mailbox.collect_value(), None);
    }
    count
}

pub(crate) fn life() -> impl Strategy<Value = Vec<Step>> {
    let live = prop::collection::vec(live_step(), 0..100);
    let late = prop::collection::vec(late_step(), 0..6);
    (live, end_step(), late).prop_map(|(mut steps, end, late)| {
        steps.push(end);
        steps.extend(late);
        steps
    })
}

/// Takes one step on both sides and compares what they answer.
pub(crate) fn step(
    mailbox: &mut Mailbox,
    model: &mut Model,
    baseline: &mut Option<Snapshot>,
    step: &Step,
) {
    match step {
        Step::Offer { priority, refuse } => {
            let id = model.next_id();
            let accepted = matches!(mailbox.offer(id, *priority, *refuse), Offer::Accepted(_));
            assert_eq!(accepted, model.offer(*priority, *refuse));
        }
        Step::Take => match mailbox.take() {
            Take::Message(id) => assert_eq!(vec![id], model.take(1)),
            Take::Empty | Take::End => assert!(model.take(1).is_empty()),
        },
        Step::OfferRow(priorities) => {
            let row = priorities.iter().enumerate();
            let row = row.map(|(at, &priority)| (model.next_id() + at, priority));
            let (count, mut dropped) = mailbox.offer_batch(row);
            dropped.sort_unstable();
            assert_eq!((count, dropped), model.offer_row(priorities));
        }
        Step::TakeRow(max) => assert_eq!(take_row(mailbox, *max), model.take(*max)),
        Step::ReplyRow(count) => {
            let sent = mailbox.reply_batch(std::iter::repeat_n(0, *count));
            assert_eq!(sent, (0..*count).take_while(|_| model.reply()).count());
        }
        Step::CollectRow(max) => {
            let count = collect_row(mailbox, *max);
            let is_value = |model: &mut Model| model.next_reply() == Some(false);
            let collected = (0..*max).take_while(|_| is_value(model) && model.collect().is_some());
            assert_eq!(count, collected.count());
        }
        Step::Reply => assert_eq!(mailbox.reply(0) == ReplyOutcome::Sent, model.reply()),
        Step::Fail { counted } => {
            let sent = mailbox.fail(0, *counted) == ReplyOutcome::Sent;
            assert_eq!(sent, model.fail(*counted));
        }
        Step::Collect => {
            let reply = mailbox.collect();
            let is_error = reply.map(|reply| matches!(reply, Reply::Error(_)));
            assert_eq!(is_error, model.collect());
        }
        Step::RecordError => {
            mailbox.record_error();
            model.record_error();
        }
        Step::Pause => {
            mailbox.pause();
            model.paused = true;
        }
        Step::Resume => {
            mailbox.resume();
            model.paused = false;
        }
        Step::Reset => {
            *baseline = mailbox.snapshot();
            model.reset();
        }
        Step::End(end) => assert_eq!(mailbox.end(*end).1, model.end(*end)),
        Step::DiscardReplies => {
            assert_eq!(mailbox.discard_replies().len(), model.discard_replies());
        }
    }
}
