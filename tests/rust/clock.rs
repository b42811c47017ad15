//! Clocks: the system's keep their promises, the mock moves only when it is told to.
#![cfg(not(pydotcompute_loom))]

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use _core::clock::{Anchor, Clock, MockClock};
use proptest::prelude::*;

/// Ten times the slowest kernel tick, so that a busy machine fails nothing.
const SLACK_NS: u64 = 100_000_000;

fn mock() -> (MockClock, Clock) {
    let mock = MockClock::new();
    (mock.clone(), Clock::Mock(mock))
}

#[test]
fn monotonic_time_never_goes_back() {
    let clock = Clock::System;
    let mut earlier = clock.monotonic_ns();
    for _ in 0..10_000 {
        let now = clock.monotonic_ns();
        assert!(earlier <= now, "{earlier} came before {now}");
        earlier = now;
    }
}

#[test]
fn monotonic_time_moves_while_nothing_else_does() {
    let clock = Clock::System;
    let start = clock.monotonic_ns();
    assert!((0..1_000_000).any(|_| clock.monotonic_ns() > start));
}

#[test]
fn coarse_time_is_never_ahead_of_monotonic_time() {
    let clock = Clock::System;
    for _ in 0..10_000 {
        let coarse = clock.coarse_ns();
        let fine = clock.monotonic_ns();
        assert!(coarse <= fine, "{coarse} is ahead of {fine}");
    }
}

#[test]
fn coarse_time_follows_within_a_tick() {
    let clock = Clock::System;
    let lag_ns = |_| {
        let coarse = clock.coarse_ns();
        clock.monotonic_ns() - coarse
    };
    let least = (0..1_000).map(lag_ns).min();
    assert!(least < Some(SLACK_NS), "behind by {least:?} ns");
}

#[test]
fn unix_time_is_the_time_of_the_standard_library() {
    let since_epoch = || {
        let passed = SystemTime::now().duration_since(UNIX_EPOCH);
        u64::try_from(passed.expect("the clock is set").as_nanos()).expect("before 2554")
    };
    let before = since_epoch();
    let unix = Clock::System.unix_ns();
    assert!((before..=since_epoch()).contains(&unix));
}

#[test]
fn an_anchor_lies_between_readings_around_it() {
    let clock = Clock::System;
    let before = clock.monotonic_ns();
    let anchor = clock.anchor();
    assert!((before..=clock.monotonic_ns()).contains(&anchor.monotonic_ns));
}

#[test]
fn two_anchors_agree_on_unix_time() {
    let clock = Clock::System;
    let (first, second) = (clock.anchor(), clock.anchor());
    let difference = first
        .to_unix_ns(second.monotonic_ns)
        .abs_diff(second.unix_ns);
    assert!(difference < SLACK_NS, "apart by {difference} ns");
}

#[test]
fn an_anchor_near_the_offset_of_now_is_of_now() {
    let clock = Clock::System;
    let first = clock.anchor();
    let offset_ns = first.unix_ns - first.monotonic_ns;
    let before = clock.monotonic_ns();
    let anchor = clock.anchor_near(offset_ns);
    assert!((before..=clock.monotonic_ns()).contains(&anchor.monotonic_ns));
    let drift_ns = (anchor.unix_ns - anchor.monotonic_ns).abs_diff(offset_ns);
    assert!(drift_ns < 1_000_000, "the clocks drifted by {drift_ns} ns");
}

#[test]
fn an_anchor_near_an_offset_that_is_wrong_by_now_is_a_new_one() {
    for clock in [Clock::System, Clock::Mock(MockClock::new())] {
        let now = clock.anchor();
        let offset_ns = now.unix_ns - now.monotonic_ns;
        for set_by_ns in [20_000_000, 3_600_000_000_000] {
            for wrong_ns in [offset_ns - set_by_ns, offset_ns + set_by_ns] {
                let anchor = clock.anchor_near(wrong_ns);
                let shown_ns = anchor.unix_ns - anchor.monotonic_ns;
                assert!(shown_ns.abs_diff(offset_ns) < 1_000_000, "{shown_ns}");
            }
        }
    }
}

#[test]
fn an_anchor_converts_stamps_from_before_and_after_it() {
    let anchor = Anchor {
        monotonic_ns: 1_000,
        unix_ns: 5_000,
    };
    assert_eq!(anchor.to_unix_ns(1_000), 5_000);
    assert_eq!(anchor.to_unix_ns(1_250), 5_250);
    assert_eq!(anchor.to_unix_ns(250), 4_250);
}

#[test]
fn an_anchor_saturates_at_both_ends_of_unix_time() {
    let early = Anchor {
        monotonic_ns: 1_000,
        unix_ns: 10,
    };
    let late = Anchor {
        monotonic_ns: 0,
        unix_ns: u64::MAX - 10,
    };
    assert_eq!(early.to_unix_ns(0), 0);
    assert_eq!(late.to_unix_ns(100), u64::MAX);
}

#[test]
fn a_new_mock_stands_at_its_published_start() {
    let (_, clock) = mock();
    assert_eq!(clock.monotonic_ns(), MockClock::START_NS);
    assert_eq!(clock.unix_ns(), MockClock::START_UNIX_NS);
    assert_eq!(clock.monotonic_ns(), MockClock::START_NS);
}

#[test]
fn advancing_a_mock_moves_every_reading_by_the_step() {
    let (mock, clock) = mock();
    mock.advance(Duration::from_nanos(7));
    mock.advance(Duration::from_secs(2));
    let passed = 2_000_000_007;
    assert_eq!(clock.monotonic_ns(), MockClock::START_NS + passed);
    assert_eq!(clock.coarse_ns(), MockClock::START_NS + passed);
    assert_eq!(clock.unix_ns(), MockClock::START_UNIX_NS + passed);
}

#[test]
fn a_mock_anchor_is_exact() {
    let (mock, clock) = mock();
    mock.advance(Duration::from_millis(3));
    let anchor = clock.anchor();
    assert_eq!(anchor.monotonic_ns, clock.monotonic_ns());
    assert_eq!(anchor.unix_ns, clock.unix_ns());
    mock.advance(Duration::from_hours(1));
    assert_eq!(anchor.to_unix_ns(clock.monotonic_ns()), clock.unix_ns());
}

#[test]
fn clones_of_a_mock_share_its_time_and_other_mocks_do_not() {
    let (mock, clock) = mock();
    let (_, stranger) = self::mock();
    let shared = clock.clone();
    mock.advance(Duration::from_secs(1));
    assert_eq!(shared.monotonic_ns(), 2 * MockClock::START_NS);
    assert_eq!(stranger.monotonic_ns(), MockClock::START_NS);
}

#[test]
fn no_step_of_a_mock_is_lost_between_threads() {
    let (mock, clock) = mock();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_000).for_each(|_| mock.advance(Duration::from_nanos(1))));
        }
    });
    assert_eq!(clock.monotonic_ns(), MockClock::START_NS + 4_000);
}

#[test]
fn a_mock_stops_at_the_end_of_time() {
    let (mock, clock) = mock();
    mock.advance(Duration::MAX);
    mock.advance(Duration::from_secs(1));
    assert_eq!(clock.monotonic_ns(), u64::MAX);
    assert_eq!(clock.unix_ns(), u64::MAX);
}

proptest! {
    #[test]
    fn conversion_keeps_the_distance_between_stamps(
        monotonic_ns in 0..1_u64 << 60,
        unix_ns in 1_u64 << 61..1 << 62,
        stamp_ns in 0..1_u64 << 60,
    ) {
        let anchor = Anchor { monotonic_ns, unix_ns };
        let converted = i128::from(anchor.to_unix_ns(stamp_ns)) - i128::from(unix_ns);
        prop_assert_eq!(converted, i128::from(stamp_ns) - i128::from(monotonic_ns));
    }
}

#[test]
fn a_ticking_mock_moves_on_by_its_tick_at_each_reading() {
    let mock = MockClock::ticking(Duration::from_nanos(3));
    let clock = Clock::Mock(mock.clone());
    assert_eq!(clock.monotonic_ns(), MockClock::START_NS);
    assert_eq!(clock.coarse_ns(), MockClock::START_NS + 3);
    mock.advance(Duration::from_nanos(100));
    assert_eq!(clock.monotonic_ns(), MockClock::START_NS + 106);
    assert_eq!(clock.unix_ns(), MockClock::START_UNIX_NS + 109);
}
