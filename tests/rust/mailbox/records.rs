//! The mailbox of records against the model of the mailbox of objects: the same rules hold.

use std::sync::Arc;

use _core::clock::{Clock, MockClock};
use _core::mailbox::{
    CollectRecords, End, Ledger, MailboxOptions, Put, RecordMailbox, RecordMailboxOptions, Sampler,
    Take, Waits,
};
use _core::record::{KernelRecord, LatencyRecord, Shown, Snapshot};
use _core::ring::Shape;
use _core::segment::Segment;
use proptest::prelude::*;

use super::assert_conserved;
use super::model::Model;

const RECORD_BYTES: usize = 8;
const BOUND: usize = 3;

const OPTIONS: MailboxOptions = MailboxOptions {
    queue_size: BOUND,
    output_queue_size: BOUND,
    drop_oldest: false,
    replies: true,
};

fn options(replies: bool) -> RecordMailboxOptions {
    let shape = Shape::new(RECORD_BYTES, BOUND).unwrap();
    RecordMailboxOptions {
        input: shape,
        output: shape,
        replies,
    }
}

fn ledger() -> Ledger {
    let record = Arc::new(KernelRecord::default());
    Ledger::open(record, Clock::Mock(MockClock::new()), "k", 1).unwrap()
}

fn open_mailbox(replies: bool, ledger: Option<Ledger>) -> RecordMailbox {
    let waits = Waits::for_this_machine();
    let mailbox = RecordMailbox::new(options(replies), ledger, &Segment::Heap, &waits).unwrap();
    mailbox.resume();
    mailbox
}

fn mailbox() -> RecordMailbox {
    open_mailbox(true, Some(ledger()))
}

fn shown(mailbox: &RecordMailbox) -> Shown {
    mailbox.snapshot().unwrap().since(None)
}

fn records(ids: impl IntoIterator<Item = usize>) -> Vec<u8> {
    ids.into_iter().flat_map(usize::to_le_bytes).collect()
}

fn ids(bytes: &[u8], count: usize) -> Vec<usize> {
    let (records, _) = bytes.as_chunks();
    records
        .iter()
        .take(count)
        .map(|record| usize::from_le_bytes(*record))
        .collect()
}

fn take(mailbox: &RecordMailbox, most: usize) -> Take<Vec<usize>> {
    let mut into = vec![0; most * RECORD_BYTES];
    match mailbox.take(&mut into).unwrap() {
        Take::Message(count) => Take::Message(ids(&into, count)),
        Take::Empty => Take::Empty,
        Take::End => Take::End,
    }
}

#[derive(Clone, Debug)]
enum Step {
    Offer { count: usize, refuse: bool },
    Take(usize),
    Reply(usize),
    Fail { counted: bool },
    Collect(usize),
    RecordError,
    Pause,
    Resume,
    Reset,
    Restart { counted: bool },
    End(End),
    DiscardReplies,
}

fn live_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..5_usize, any::<bool>()).prop_map(|(count, refuse)| Step::Offer { count, refuse }),
        8 => (1..5_usize).prop_map(Step::Take),
        8 => (1..4_usize).prop_map(Step::Reply),
        2 => any::<bool>().prop_map(|counted| Step::Fail { counted }),
        8 => (1..4_usize).prop_map(Step::Collect),
        2 => Just(Step::RecordError),
        1 => Just(Step::Pause),
        2 => Just(Step::Resume),
        1 => Just(Step::Reset),
        1 => Just(Step::DiscardReplies),
        1 => any::<bool>().prop_map(|counted| Step::Restart { counted }),
    ]
}

fn life() -> impl Strategy<Value = Vec<Step>> {
    let live = prop::collection::vec(live_step(), 0..100);
    let end = prop_oneof![
        Just(End::Returned),
        Just(End::Cancelled),
        any::<bool>().prop_map(|counted| End::Raised { counted }),
    ];
    let late = prop::collection::vec(live_step(), 0..6);
    (live, end, late).prop_map(|(mut steps, end, late)| {
        let is_for_the_living = |step: &Step| {
            let kernel = matches!(step, Step::Fail { .. } | Step::RecordError);
            kernel || matches!(step, Step::Restart { .. } | Step::Pause | Step::Resume)
        };
        steps.push(Step::End(end));
        steps.extend(late.into_iter().filter(|step| !is_for_the_living(step)));
        steps
    })
}

fn accepted(put: Put) -> usize {
    match put {
        Put::Accepted(count) => count,
        Put::Closed => 0,
    }
}

fn offer(mailbox: &RecordMailbox, model: &mut Model, count: usize, refuse: bool) {
    let first = model.next_id();
    let offered = records(first..first + count);
    let expected = (0..count).filter(|_| model.offer(128, refuse)).count();
    assert_eq!(accepted(mailbox.offer(&offered, refuse).unwrap()), expected);
}

fn collect(mailbox: &RecordMailbox, model: &mut Model, most: usize) {
    let mut into = vec![0; most * RECORD_BYTES];
    match mailbox.collect(&mut into).unwrap() {
        CollectRecords::Replies(count) => {
            assert!((1..=most).contains(&count));
            let collected: Vec<_> = (0..count).map(|_| model.collect()).collect();
            assert_eq!(collected, vec![Some(false); count]);
            assert!(count == most || model.next_reply() != Some(false));
        }
        CollectRecords::Error(code) => {
            assert_eq!((code, model.collect()), (-7, Some(true)));
        }
        CollectRecords::Empty => assert_eq!(model.collect(), None),
    }
}

fn step(mailbox: &RecordMailbox, model: &mut Model, baseline: &mut Option<Snapshot>, step: &Step) {
    match *step {
        Step::Offer { count, refuse } => offer(mailbox, model, count, refuse),
        Step::Take(most) => match take(mailbox, most) {
            Take::Message(ids) => assert_eq!(ids, model.take(most)),
            Take::Empty | Take::End => assert!(model.take(most).is_empty()),
        },
        Step::Reply(count) => {
            let put = mailbox.reply(&records(0..count)).unwrap();
            let expected = (0..count).filter(|_| model.reply()).count();
            assert_eq!(accepted(put), expected);
        }
        Step::Fail { counted } => {
            let put = mailbox.fail(-7, counted).unwrap();
            assert_eq!(accepted(put) == 1, model.fail(counted));
        }
        Step::Collect(most) => collect(mailbox, model, most),
        Step::RecordError => {
            mailbox.record_error().unwrap();
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
        Step::Restart { counted } => assert_eq!(mailbox.restart(counted), model.restart(counted)),
        Step::End(end) => assert_eq!(mailbox.end(end), model.end(end)),
        Step::DiscardReplies => {
            assert_eq!(mailbox.discard_replies(), model.discard_replies() as u64);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, ..ProptestConfig::default() })]

    #[test]
    fn every_count_of_records_is_what_the_model_counts(steps in life(), replies: bool) {
        let mailbox = open_mailbox(replies, Some(ledger()));
        let (mut model, mut baseline) = (Model::new(MailboxOptions { replies, ..OPTIONS }), None);
        for one in &steps {
            step(&mailbox, &mut model, &mut baseline, one);
            let snapshot = mailbox.snapshot().unwrap();
            let shown = snapshot.since(baseline.as_ref());
            prop_assert_eq!(shown, model.shown(), "after {:?}", one);
            let depths = snapshot.depths;
            prop_assert_eq!((depths.queue, depths.in_flight, depths.output), model.depths());
            prop_assert_eq!(mailbox.is_error_next(), Ok(model.next_reply() == Some(true)));
            assert_conserved(&snapshot, &shown);
        }
    }
}

#[test]
fn of_a_batch_of_records_each_that_did_not_fit_is_rejected_where_it_is_refused() {
    let mailbox = mailbox();
    assert_eq!(mailbox.offer(&records(0..5), true), Ok(Put::Accepted(3)));
    assert_eq!(mailbox.offer(&records(5..7), false), Ok(Put::Accepted(0)));
    let after = shown(&mailbox);
    assert_eq!((after.messages_received, after.messages_rejected), (3, 2));
    assert_eq!(mailbox.snapshot().unwrap().depth_peak, 3);
}

#[test]
fn the_peak_is_the_greatest_depth_whatever_was_collected_before() {
    let mailbox = mailbox();
    let (mut depth, mut peak) = (0, 0);
    for (sent, answered, collected) in [
        (1, 1, 1),
        (1, 1, 1),
        (1, 0, 0),
        (1, 2, 1),
        (1, 1, 2),
        (3, 1, 0),
        (0, 2, 3),
        (1, 1, 1),
    ] {
        assert_eq!(
            mailbox.offer(&records(vec![0; sent]), false),
            Ok(Put::Accepted(sent))
        );
        depth += sent;
        peak = peak.max(depth as u64);
        for _ in 0..answered {
            assert_eq!(take(&mailbox, 1), Take::Message(vec![0]));
            assert_eq!(mailbox.reply(&records([0])), Ok(Put::Accepted(1)));
            depth -= 1;
        }
        let mut into = vec![0; collected * RECORD_BYTES];
        assert_eq!(mailbox.collect_replies(&mut into), Ok(collected));
        assert_eq!(mailbox.snapshot().unwrap().depth_peak, peak);
    }
    assert_eq!(peak, 3);
}

#[test]
fn an_error_stands_between_the_replies_around_it() {
    let mailbox = mailbox();
    mailbox.reply(&records([1])).unwrap();
    mailbox.fail(i32::MIN, false).unwrap();
    mailbox.reply(&records([2])).unwrap();
    let mut into = [0; 3 * RECORD_BYTES];
    assert_eq!(mailbox.collect(&mut into), Ok(CollectRecords::Replies(1)));
    assert_eq!(
        mailbox.collect(&mut into),
        Ok(CollectRecords::Error(i32::MIN))
    );
    assert_eq!(mailbox.collect(&mut into), Ok(CollectRecords::Replies(1)));
    assert_eq!(ids(&into, 1), [2]);
    assert_eq!(mailbox.collect(&mut into), Ok(CollectRecords::Empty));
}

#[test]
fn a_closed_input_of_records_hands_out_what_is_queued_and_then_ends() {
    let mailbox = mailbox();
    mailbox.offer(&records([7]), false).unwrap();
    mailbox.close_input();
    assert_eq!(mailbox.offer(&records([8]), true), Ok(Put::Closed));
    assert_eq!(take(&mailbox, 1), Take::Message(vec![7]));
    assert_eq!(take(&mailbox, 1), Take::End);
    assert_eq!(shown(&mailbox).messages_rejected, 0);
    mailbox.close_output();
    assert_eq!(mailbox.reply(&records([9])), Ok(Put::Closed));
    assert_eq!(mailbox.fail(1, false), Ok(Put::Closed));
}

#[test]
fn a_kernel_of_records_is_idle_once_it_has_asked_in_vain() {
    let mailbox = mailbox();
    assert_eq!(take(&mailbox, 1), Take::Empty);
    assert!(mailbox.is_idle());
    mailbox.offer(&records([0]), false).unwrap();
    assert!(!mailbox.is_idle());
    take(&mailbox, 1);
    assert!(!mailbox.is_idle());
    mailbox.reply(&records([0])).unwrap();
    assert!(!mailbox.is_idle());
    take(&mailbox, 1);
    assert!(mailbox.is_idle());
}

#[test]
fn a_second_try_for_records_ends_nothing() {
    let mailbox = mailbox();
    mailbox.offer(&records([0]), false).unwrap();
    take(&mailbox, 1);
    mailbox.offer(&records([1]), false).unwrap();
    let mut into = [0; 2 * RECORD_BYTES];
    assert_eq!(mailbox.take_again(&mut into), Ok(Take::Message(1)));
    assert_eq!(mailbox.depths().in_flight, 2);
    assert_eq!(shown(&mailbox).messages_unanswered, 0);
}

#[test]
fn without_a_ledger_records_move_and_nothing_is_counted() {
    let mailbox = open_mailbox(true, None);
    mailbox.offer(&records([4]), false).unwrap();
    assert_eq!(take(&mailbox, 1), Take::Message(vec![4]));
    mailbox.reply(&records([5])).unwrap();
    let mut into = [0; RECORD_BYTES];
    assert_eq!(mailbox.collect(&mut into), Ok(CollectRecords::Replies(1)));
    assert_eq!(mailbox.snapshot(), None);
    mailbox.offer(&records([6]), false).unwrap();
    assert_eq!(mailbox.end(End::Cancelled), 1);
}

#[test]
fn samples_of_records_weigh_as_much_as_the_messages_they_stand_for() {
    let timed = ledger().timing(Arc::new(LatencyRecord::default()), Sampler::new(1));
    let mailbox = open_mailbox(true, Some(timed));
    for _ in 0..1000 {
        mailbox.offer(&records(0..3), false).unwrap();
        take(&mailbox, 2);
        mailbox.reply(&records(0..2)).unwrap();
        take(&mailbox, 2);
        let mut into = [0; 2 * RECORD_BYTES];
        mailbox.collect(&mut into).unwrap();
    }
    let snapshot = mailbox.snapshot().unwrap();
    let (waits, services) = (snapshot.latencies.queue_wait, snapshot.latencies.service);
    assert!(waits.samples() > 64, "{waits:?}");
    let since_the_newest = snapshot.counts.accepted - waits.count();
    assert!(since_the_newest <= 1536, "{waits:?}"); // the widest gap between two samples
    assert_eq!(services.count(), waits.count());
    assert_eq!(services.samples(), waits.samples());
}

#[test]
fn a_mailbox_that_memory_does_not_hold_is_refused_with_the_reason() {
    let segment = Segment::memory_file(1 << 20).unwrap();
    let large = RecordMailboxOptions {
        input: Shape::new(1 << 20, 4).unwrap(),
        ..options(true)
    };
    let refused = RecordMailbox::new(large, None, &segment, &Waits::for_this_machine());
    assert!(refused.unwrap_err().to_string().contains("no room for"));
}
