//! The queue against a list sorted by hand, and the promises that its signatures cannot make.
#![cfg(not(pydotcompute_loom))]

use _core::queue::{Entry, NORMAL_PRIORITY, PriorityQueue, Sample, TraceSlot};
use proptest::prelude::*;

/// An entry whose trace and stamp tell whether they travelled with their message.
fn entry(message: u32) -> Entry<u32> {
    let trace = TraceSlot::from_word(message.wrapping_mul(3));
    let sample = Sample {
        stamp_ns: u64::from(message) << 32,
        weight: message,
    };
    Entry {
        message,
        trace,
        sample,
    }
}

fn full_of(priorities: &[u8]) -> PriorityQueue<u32> {
    let mut queue = PriorityQueue::new(priorities.len());
    for (message, &priority) in (0..).zip(priorities) {
        assert_eq!(queue.push(entry(message), priority), Ok(()));
    }
    assert!(queue.is_full());
    queue
}

fn messages(entries: &[Entry<u32>]) -> Vec<u32> {
    entries.iter().map(|entry| entry.message).collect()
}

#[test]
fn plain_messages_come_out_in_order_of_arrival() {
    let mut queue = full_of(&[NORMAL_PRIORITY; 3]);
    assert_eq!(messages(&queue.drain()), [0, 1, 2]);
}

#[test]
fn higher_priority_overtakes_and_lower_yields() {
    let mut queue = full_of(&[0, 128, 255, 127, 129, 128]);
    assert_eq!(messages(&queue.drain()), [2, 4, 1, 5, 3, 0]);
}

#[test]
fn equal_priorities_keep_their_order() {
    let mut queue = full_of(&[200, 5, 200, 5, 200]);
    assert_eq!(messages(&queue.drain()), [0, 2, 4, 1, 3]);
}

#[test]
fn a_full_queue_gives_the_entry_back_and_keeps_its_own() {
    let mut queue = full_of(&[128, 3]);
    assert_eq!(queue.push(entry(9), 255), Err(entry(9)));
    assert_eq!(messages(&queue.drain()), [0, 1]);
}

#[test]
fn dropping_makes_room_only_where_there_is_none() {
    let mut queue = PriorityQueue::new(2);
    assert_eq!(queue.push_dropping(entry(0), 128), None);
    assert_eq!(queue.push_dropping(entry(1), 128), None);
    assert_eq!(queue.push_dropping(entry(2), 128), Some(entry(0)));
}

#[test]
fn dropping_takes_the_oldest_of_the_lowest_priority() {
    let mut queue = full_of(&[128, 7, 200, 7]);
    assert_eq!(queue.push_dropping(entry(4), 128), Some(entry(1)));
    assert_eq!(queue.push_dropping(entry(5), 255), Some(entry(3)));
    assert_eq!(queue.push_dropping(entry(6), 255), Some(entry(0)));
}

#[test]
fn a_newcomer_below_all_others_is_the_one_dropped() {
    let mut queue = full_of(&[200, 129]);
    assert_eq!(queue.push_dropping(entry(2), 128), Some(entry(2)));
    assert_eq!(messages(&queue.drain()), [0, 1]);
}

#[test]
fn a_newcomer_equal_to_the_lowest_takes_the_place_of_the_oldest() {
    let mut queue = full_of(&[200, 7, 7]);
    assert_eq!(queue.push_dropping(entry(3), 7), Some(entry(1)));
    assert_eq!(messages(&queue.drain()), [0, 2, 3]);
}

#[test]
fn a_bound_of_one_holds_one() {
    let mut queue = full_of(&[128]);
    assert_eq!(queue.push(entry(1), 128), Err(entry(1)));
    assert_eq!(queue.push_dropping(entry(2), 128), Some(entry(0)));
    assert_eq!(queue.pop(), Some(entry(2)));
    assert_eq!(queue.pop(), None);
}

#[test]
#[should_panic(expected = "room for at least one message")]
fn a_bound_of_zero_is_refused() {
    let _ = PriorityQueue::<u32>::new(0);
}

#[test]
fn a_drained_queue_is_empty_and_usable() {
    let mut queue = full_of(&[128, 9]);
    assert_eq!(queue.drain().len(), 2);
    assert_eq!((queue.len(), queue.capacity()), (0, 2));
    assert_eq!(queue.push(entry(5), 128), Ok(()));
    assert_eq!(queue.pop(), Some(entry(5)));
}

#[test]
fn the_largest_bound_costs_nothing_until_it_is_used() {
    let mut queue = PriorityQueue::new(usize::MAX);
    assert_eq!(queue.push(entry(0), 128), Ok(()));
    assert_eq!(queue.len(), 1);
}

#[test]
fn a_message_without_trace_reads_as_zero() {
    assert_eq!(TraceSlot::NONE.word(), 0);
    assert_eq!(TraceSlot::default(), TraceSlot::NONE);
    assert_eq!(TraceSlot::from_word(7).word(), 7);
}

#[test]
fn a_message_without_a_stamp_is_not_timed() {
    assert_eq!(Sample::default(), Sample::NONE);
    assert!(!Sample::NONE.is_timed());
    assert!(entry(1).sample.is_timed());
}

#[test]
fn a_trace_and_a_stamp_cost_two_pointers_beside_a_reference() {
    assert_eq!(size_of::<Entry<&u32>>(), 3 * size_of::<&u32>());
}

/// The specification of the queue: a list kept sorted by hand, next out first.
struct Model {
    queued: Vec<(u8, u32)>,
    capacity: usize,
}

impl Model {
    fn push(&mut self, message: u32, priority: u8) -> bool {
        let room = self.queued.len() < self.capacity;
        if room {
            self.queued.push((priority, message));
            self.queued
                .sort_by_key(|&(priority, arrival)| (255 - priority, arrival));
        }
        room
    }

    fn push_dropping(&mut self, message: u32, priority: u8) -> Option<u32> {
        if self.push(message, priority) {
            return None;
        }
        let lowest = self.queued.iter().map(|&(priority, _)| priority).min()?;
        if priority < lowest {
            return Some(message);
        }
        let oldest = self.queued.iter().position(|&(p, _)| p == lowest)?;
        let (_, dropped) = self.queued.remove(oldest);
        assert!(self.push(message, priority));
        Some(dropped)
    }

    fn pop(&mut self) -> Option<u32> {
        (!self.queued.is_empty()).then(|| self.queued.remove(0).1)
    }

    fn drain(&mut self) -> Vec<u32> {
        self.queued.drain(..).map(|(_, message)| message).collect()
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Push(u8),
    PushDropping(u8),
    Pop,
    Drain,
}

fn priority() -> impl Strategy<Value = u8> {
    prop_oneof![
        3 => Just(NORMAL_PRIORITY),
        2 => prop_oneof![Just(0_u8), Just(127), Just(129), Just(200), Just(255)],
        1 => any::<u8>(),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => priority().prop_map(Step::Push),
        4 => priority().prop_map(Step::PushDropping),
        5 => Just(Step::Pop),
        1 => Just(Step::Drain),
    ]
}

/// Does a step on both; what came back to the caller from the queue, and from the model.
fn both(
    queue: &mut PriorityQueue<u32>,
    model: &mut Model,
    message: u32,
    step: Step,
) -> (Vec<Entry<u32>>, Vec<u32>) {
    match step {
        Step::Push(priority) => {
            let refused = queue.push(entry(message), priority).err();
            let fits = model.push(message, priority);
            let expected = (!fits).then_some(message);
            (Vec::from_iter(refused), Vec::from_iter(expected))
        }
        Step::PushDropping(priority) => {
            let dropped = queue.push_dropping(entry(message), priority);
            let expected = model.push_dropping(message, priority);
            (Vec::from_iter(dropped), Vec::from_iter(expected))
        }
        Step::Pop => (Vec::from_iter(queue.pop()), Vec::from_iter(model.pop())),
        Step::Drain => (queue.drain(), model.drain()),
    }
}

proptest! {
    #[test]
    fn the_queue_does_what_a_sorted_list_does(
        capacity in 1_usize..6,
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let mut queue = PriorityQueue::new(capacity);
        let mut model = Model { queued: Vec::new(), capacity };
        for (message, step) in (0..).zip(steps) {
            let (returned, expected) = both(&mut queue, &mut model, message, step);
            let with_traces: Vec<_> = expected.into_iter().map(entry).collect();
            prop_assert_eq!(returned, with_traces);

            let mut held: Vec<u32> = queue.iter().copied().collect();
            let mut queued: Vec<u32> = model.queued.iter().map(|&(_, message)| message).collect();
            prop_assert_eq!(queue.peek().map(|entry| entry.message), queued.first().copied());
            held.sort_unstable();
            queued.sort_unstable();
            prop_assert_eq!(held, queued);
            prop_assert_eq!(queue.len(), model.queued.len());
            prop_assert_eq!(queue.is_empty(), model.queued.is_empty());
            prop_assert_eq!(queue.is_full(), model.queued.len() == capacity);
        }
    }

    #[test]
    fn every_message_comes_back_exactly_once(
        capacity in 1_usize..6,
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let mut queue = PriorityQueue::new(capacity);
        let mut offered = Vec::new();
        let mut returned = Vec::new();
        for (message, step) in (0..).zip(steps) {
            if matches!(step, Step::Push(_) | Step::PushDropping(_)) {
                offered.push(message);
            }
            match step {
                Step::Push(priority) => returned.extend(queue.push(entry(message), priority).err()),
                Step::PushDropping(priority) => {
                    returned.extend(queue.push_dropping(entry(message), priority));
                }
                Step::Pop => returned.extend(queue.pop()),
                Step::Drain => returned.extend(queue.drain()),
            }
            prop_assert!(queue.len() <= capacity);
        }
        returned.extend(queue.drain());
        let mut seen = messages(&returned);
        seen.sort_unstable();
        prop_assert_eq!(seen, offered);
    }
}
