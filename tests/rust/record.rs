//! The record: publication, snapshots and what is shown since a reset.
#![cfg(not(pydotcompute_loom))]

use std::time::Duration;

use _core::clock::{Anchor, Clock, MockClock};
use _core::record::{Counts, Depths, ID_BYTES, KernelRecord, ManualRecord, Snapshot, State};
use proptest::prelude::*;

#[test]
fn a_record_is_invisible_until_it_is_published() {
    let record = KernelRecord::default();
    assert_eq!(record.identity(), None);
    record.publish("wörker_1", 7, State::Launched).unwrap();
    assert_eq!(record.identity(), Some(("wörker_1".to_owned(), 7)));
    assert_eq!(record.state(), State::Launched);
}

proptest! {
    #[test]
    fn any_id_that_fits_comes_back(id in "\\PC{0,48}", generation: u64) {
        let record = KernelRecord::default();
        record.publish(&id, generation, State::Launched).unwrap();
        prop_assert_eq!(record.identity(), Some((id, generation)));
    }

    #[test]
    fn an_id_that_does_not_fit_is_refused(excess in 1_usize..100) {
        let record = KernelRecord::default();
        let id = "x".repeat(ID_BYTES + excess);
        prop_assert_eq!(record.publish(&id, 0, State::Launched), Err(ID_BYTES + excess));
        prop_assert_eq!(record.state(), State::Vacant);
    }
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Receive,
    Send,
    Error,
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![Just(Call::Receive), Just(Call::Send), Just(Call::Error)]
}

proptest! {
    #[test]
    fn counting_by_hand_matches_plain_integers(calls in prop::collection::vec(call(), 0..60)) {
        let record = ManualRecord::new("k", Clock::Mock(MockClock::new())).unwrap();
        let (mut received, mut sent, mut processed) = (0, 0, 0);
        let (mut errors, mut errored, mut in_flight) = (0, 0, 0_u64);
        for call in calls {
            let ends = u64::from(in_flight > 0 && !matches!(call, Call::Receive));
            in_flight -= ends;
            match call {
                Call::Receive => { received += 1; in_flight += 1; record.receive(); }
                Call::Send => { sent += 1; processed += ends; record.send(); }
                Call::Error => { errors += 1; errored += ends; record.error(); }
            }
            let snapshot = record.snapshot();
            let shown = snapshot.since(None);
            prop_assert_eq!(shown.messages_received, received);
            prop_assert_eq!(shown.messages_sent, sent);
            prop_assert_eq!(shown.messages_processed, processed);
            prop_assert_eq!((shown.errors, shown.messages_errored), (errors, errored));
            prop_assert_eq!(snapshot.depths.in_flight, in_flight);
            prop_assert_eq!(received, processed + errored + in_flight);
        }
    }
}

#[test]
fn counters_pass_two_to_the_thirty_second() {
    let record = KernelRecord::default();
    let near = (1 << 32) - 1;
    record.producer.accepted.set(near);
    record.kernel.answered.set(near - 1);
    record.producer.accepted.add(2);
    record.kernel.answered.add(2);
    let counts = Counts::read(&record);
    assert_eq!((counts.accepted, counts.answered), (near + 2, near + 1));
}

#[test]
fn a_message_stamped_one_coarse_tick_before_the_activation_shows_its_time() {
    let snapshot = Snapshot {
        activated_ns: 10_000_000_000,
        start_unix_ns: 50_000_000_000,
        unix_offset_ns: 40_000_000_000,
        last_message_ns: 9_997_000_000,
        ..Snapshot::default()
    };
    assert_eq!(snapshot.last_message_unix_ns(), Some(50_000_000_000));
    let long_before = Snapshot {
        last_message_ns: 8_000_000_000,
        ..snapshot.clone()
    };
    assert_eq!(long_before.last_message_unix_ns(), Some(48_000_000_000));
    let never = Snapshot {
        last_message_ns: 0,
        ..snapshot
    };
    assert_eq!(never.last_message_unix_ns(), None);
}

#[test]
fn a_message_shows_todays_time_after_the_wall_clock_was_set() {
    let record = KernelRecord::default();
    record.lifecycle.unix_offset_ns.set(40_000_000_000);
    record.producer.last_accepted_ns.set(9_000_000_000);
    let read_with_offset = |offset_ns: u64| {
        let now = Anchor {
            monotonic_ns: 10_000_000_000,
            unix_ns: 10_000_000_000 + offset_ns,
        };
        Snapshot::read(&record, Depths::default(), now).last_message_unix_ns()
    };
    assert_eq!(read_with_offset(40_000_000_000), Some(49_000_000_000));
    assert_eq!(read_with_offset(40_000_000_700), Some(49_000_000_000));
    assert_eq!(read_with_offset(3_640_000_000_000), Some(3_649_000_000_000));
    assert_eq!(read_with_offset(20_000_000_000), Some(29_000_000_000));
}

#[test]
fn a_record_counted_by_hand_is_up_from_its_first_call() {
    let clock = MockClock::new();
    let record = ManualRecord::new("k", Clock::Mock(clock.clone())).unwrap();
    clock.advance(Duration::from_secs(2));
    let snapshot = record.snapshot();
    assert_eq!(snapshot.since(None).uptime_ns, 2_000_000_000);
    assert_eq!(snapshot.state, State::Active);
    assert_eq!(snapshot.depths, Depths::default());
}
