//! Which messages are timed: all of them while they are rare, a fair share of many.

use _core::mailbox::Sampler;
use _core::queue::Sample;
use proptest::prelude::*;

/// Nanoseconds of work that timing one message is taken to cost, and the share that may be spent.
const COST_NS: u64 = 200;
const SHARE: u64 = 100;

/// The rate above which not every message is timed, as nanoseconds between messages.
const PRICE_NS: u64 = COST_NS * SHARE;

/// Messages in a row that a quiet spell pays for.
const BURST: u64 = 64;

struct Traffic {
    sampler: Sampler,
    now_ns: u64,
    picked: Vec<(u64, Sample)>,
    messages: u64,
}

impl Traffic {
    fn new(seed: u64) -> Self {
        Self {
            sampler: Sampler::new(seed),
            now_ns: 1_000_000_000,
            picked: vec![],
            messages: 0,
        }
    }

    /// Lets messages pass, one each `period_ns`; how many of them were timed.
    fn pass(&mut self, messages: u64, period_ns: u64) -> u64 {
        let before = self.picked.len();
        for _ in 0..messages {
            self.now_ns += period_ns;
            let sample = self.sampler.pick(|| self.now_ns);
            if sample.is_timed() {
                self.picked.push((self.messages, sample));
            }
            self.messages += 1;
        }
        (self.picked.len() - before) as u64
    }
}

proptest! {
    #[test]
    fn every_message_is_timed_while_they_are_rare(seed: u64, period_ns in PRICE_NS..1 << 40) {
        prop_assert_eq!(Traffic::new(seed).pass(1000, period_ns), 1000);
    }

    #[test]
    fn timing_costs_at_most_its_share_of_the_time(seed: u64, period_ns in 40_u64..40_000) {
        let mut traffic = Traffic::new(seed);
        let messages = 20_000;
        let timed = traffic.pass(messages, period_ns);
        let allowed = messages * period_ns / PRICE_NS;
        prop_assert!(timed <= BURST + allowed + 2, "{timed} of {messages}, allowed {allowed}");
        prop_assert!(timed >= allowed.min(messages) * 3 / 4, "{timed}, allowed {allowed}");
    }

    #[test]
    fn samples_stand_for_every_message_up_to_the_last_of_them(
        seed: u64,
        spells in prop::collection::vec((1_u64..500, 0_u64..20_000), 1..20),
    ) {
        let mut traffic = Traffic::new(seed);
        for (messages, period_ns) in spells {
            traffic.pass(messages, period_ns);
        }
        let mut stood_for = 0;
        for &(position, sample) in &traffic.picked {
            stood_for += u64::from(sample.weight);
            prop_assert_eq!(stood_for, position + 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_batch_size_keeps_step_with_the_gaps(seed: u64, batch in 2_u64..40) {
        let mut traffic = Traffic::new(seed);
        traffic.pass(200_000, PRICE_NS / batch);
        let mut at_place = vec![0_u64; usize::try_from(batch).unwrap()];
        for &(position, _) in &traffic.picked {
            at_place[usize::try_from(position % batch).unwrap()] += 1;
        }
        let fair = traffic.picked.len() as u64 / batch;
        prop_assert!(at_place.iter().all(|&count| count > fair / 2), "{at_place:?}");
    }
}

#[test]
fn a_burst_after_a_quiet_spell_is_timed_whole() {
    let mut traffic = Traffic::new(7);
    for _ in 0..3 {
        traffic.pass(10_000, 300);
        traffic.now_ns += 1_000_000_000;
        while traffic.pass(1, 300) == 0 {}
        assert_eq!(traffic.pass(60, 300), 60);
    }
}

#[test]
fn when_messages_become_rare_the_next_sample_notices() {
    let mut traffic = Traffic::new(7);
    traffic.pass(100_000, 1000);
    let until_noticed = 45; // the mean gap is 20, or 30 where a short one before left a debt
    traffic.pass(until_noticed, 1_000_000);
    assert_eq!(traffic.pass(1000, 1_000_000), 1000);
}

#[test]
fn a_clock_that_stands_still_leaves_gaps_of_bounded_length() {
    let mut traffic = Traffic::new(7);
    assert_eq!(traffic.pass(BURST, 0), BURST);
    assert!((90..110).contains(&traffic.pass(100 * 1024, 0)));
    assert!(traffic.picked.iter().all(|picked| picked.1.weight <= 1536));
}

#[test]
fn the_same_seed_and_stamps_pick_the_same_messages_and_another_seed_others() {
    let picked = |seed| {
        let mut traffic = Traffic::new(seed);
        traffic.pass(5000, 500);
        traffic.picked
    };
    assert_eq!(picked(1), picked(1));
    assert_ne!(picked(1), picked(2));
}
