//! The mailbox's timing against plain lists in which every message keeps its own stamps.

use std::collections::VecDeque;
use std::time::Duration;

use _core::clock::{Clock, MockClock};
use _core::mailbox::{End, MailboxOptions, Sampler, Take};
use _core::queue::Sample;
use _core::record::{Distribution, Histogram};
use proptest::prelude::*;

use crate::{Mailbox, OPTIONS, timed_mailbox};

#[derive(Clone, Debug)]
enum Step {
    Offer(u8),
    Take,
    TakeBatch(usize),
    Reply,
    Fail,
    RecordError,
    Collect,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let priority = prop_oneof![4 => Just(128_u8), 1 => 127_u8..=129];
    prop_oneof![
        8 => priority.prop_map(Step::Offer),
        4 => Just(Step::Take),
        3 => (0_usize..4).prop_map(Step::TakeBatch),
        5 => Just(Step::Reply),
        2 => Just(Step::Fail),
        1 => Just(Step::RecordError),
        6 => Just(Step::Collect),
        6 => (0_u64..5000).prop_map(Step::Pass),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        Just(End::Returned),
        Just(End::Raised { counted: false }),
        Just(End::Cancelled),
    ]
}

/// A sampler that has nothing saved, so that it leaves gaps.
fn spent(seed: u64) -> Sampler {
    let mut sampler = Sampler::new(seed);
    for _ in 0..64 {
        sampler.pick(|| MockClock::START_NS);
    }
    sampler
}

struct Model {
    options: MailboxOptions,
    clock: MockClock,
    sampler: Sampler,
    queued: Vec<(u8, Sample)>,
    flight: VecDeque<Sample>,
    replies: usize,
    waits: Vec<(u64, u32)>,
    services: Vec<(u64, u32)>,
}

/// How long ago a stamp was made, and what it stands for.
fn timed(sample: Sample, now_ns: u64) -> Option<(u64, u32)> {
    sample
        .is_timed()
        .then(|| (now_ns - sample.stamp_ns, sample.weight))
}

impl Model {
    fn now_ns(&self) -> u64 {
        Clock::Mock(self.clock.clone()).monotonic_ns()
    }

    fn offer(&mut self, priority: u8) {
        let full = self.queued.len() == self.options.queue_size;
        if full && !self.options.drop_oldest {
            return;
        }
        let now_ns = self.now_ns();
        self.queued.push((priority, self.sampler.pick(|| now_ns)));
        if full {
            let lowest = self.queued.iter().map(|queued| queued.0).min();
            let dropped = self
                .queued
                .iter()
                .position(|queued| Some(queued.0) == lowest);
            self.queued.remove(dropped.unwrap());
        }
    }

    fn take(&mut self, max: usize) {
        self.end_all();
        for _ in 0..max {
            let highest = self.queued.iter().map(|queued| queued.0).max();
            let next = self
                .queued
                .iter()
                .position(|queued| Some(queued.0) == highest);
            let Some(next) = next else { return };
            let mut sample = self.queued.remove(next).1;
            self.waits.extend(timed(sample, self.now_ns()));
            sample.stamp_ns = self.now_ns();
            self.flight.push_back(sample);
        }
    }

    fn end_oldest(&mut self) {
        if let Some(oldest) = self.flight.pop_front() {
            self.services.extend(timed(oldest, self.now_ns()));
        }
    }

    fn end_all(&mut self) {
        while !self.flight.is_empty() {
            self.end_oldest();
        }
    }

    fn reply(&mut self) {
        if self.replies < self.options.output_queue_size {
            self.replies += 1;
            self.end_oldest();
        }
    }
}

/// Hands out up to `max` messages; how many.
pub(crate) fn take_row(mailbox: &mut Mailbox, max: usize) -> usize {
    match mailbox.ask_batch(max) {
        Take::Message(count) => (0..count).map_while(|_| mailbox.hand_out()).count(),
        Take::Empty | Take::End => 0,
    }
}

fn both(mailbox: &mut Mailbox, model: &mut Model, step: &Step) {
    match *step {
        Step::Offer(priority) => {
            mailbox.offer(0, priority, false);
            model.offer(priority);
        }
        Step::Take => {
            let taken = mailbox.take();
            model.take(1);
            assert_eq!(matches!(taken, Take::Message(_)), !model.flight.is_empty());
        }
        Step::TakeBatch(max) => {
            take_row(mailbox, max);
            model.take(max);
        }
        Step::Reply => {
            mailbox.reply(0);
            model.reply();
        }
        Step::Fail => {
            mailbox.fail(0, false);
            model.reply();
        }
        Step::RecordError => mailbox.record_error(),
        Step::Collect => {
            mailbox.collect();
            model.replies = model.replies.saturating_sub(1);
        }
        Step::Pass(nanoseconds) => model.clock.advance(Duration::from_nanos(nanoseconds)),
    }
}

fn recorded(samples: &[(u64, u32)]) -> Distribution {
    let histogram = Histogram::default();
    for &(value_ns, weight) in samples {
        histogram.record(value_ns, weight);
    }
    histogram.read()
}

fn assert_same(mailbox: &Mailbox, model: &Model) {
    let latencies = mailbox.snapshot().unwrap().latencies;
    assert_eq!(latencies.queue_wait, recorded(&model.waits));
    assert_eq!(latencies.service, recorded(&model.services));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn every_wait_and_service_is_what_the_model_timed(
        steps in prop::collection::vec(step(), 0..300),
        end in end(),
        seed: u64,
        saves: bool,
        drop_oldest: bool,
    ) {
        let options = MailboxOptions { drop_oldest, ..OPTIONS };
        let clock = MockClock::new();
        let sampler = if saves { Sampler::new(seed) } else { spent(seed) };
        let mut mailbox = timed_mailbox(options, &clock, sampler.clone());
        let mut model = Model {
            options,
            clock,
            sampler,
            queued: vec![],
            flight: VecDeque::new(),
            replies: 0,
            waits: vec![],
            services: vec![],
        };
        for one in &steps {
            both(&mut mailbox, &mut model, one);
            assert_same(&mailbox, &model);
        }
        mailbox.end(end);
        model.end_all();
        assert_same(&mailbox, &model);
    }
}
