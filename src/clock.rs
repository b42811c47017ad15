//! Time: the system's clocks, and one that tests turn by hand.
//!
//! Everything inside is stamped in nanoseconds of `CLOCK_MONOTONIC`; an [`Anchor`] is the one way
//! from such a stamp to Unix time.

#[cfg(not(target_os = "linux"))]
compile_error!("pydotcompute builds on Linux only: its clocks and wake-ups are Linux interfaces.");

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

const NS_PER_SECOND: u64 = 1_000_000_000;

/// Readings of which an [`Anchor`] is the closest pair. An interrupted one shows as a wide gap, and
/// five in a row, 0.3 microseconds in all (`benches/clock.rs`), are hardly all interrupted.
const ANCHOR_TRIES: usize = 5;

/// The longest tick of the coarse clocks: 4 ms on Linux at 250 Hz, 10 ms at 100 Hz.
pub const COARSE_NS: u64 = 10_000_000;

/// Where time comes from. Cloning is cheap, and clones of a mock share its time.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The clocks of the kernel, read without a system call where its vDSO allows.
    System,
    /// A clock for tests.
    Mock(MockClock),
}

impl Clock {
    /// Nanoseconds of `CLOCK_MONOTONIC`: never goes back, stands still while the machine is
    /// suspended.
    #[inline]
    #[must_use]
    pub fn monotonic_ns(&self) -> u64 {
        match self {
            Self::System => read_ns(ClockId::Monotonic),
            Self::Mock(mock) => mock.now_ns(),
        }
    }

    /// The same clock as of the kernel's newest timer tick, for a tenth of the cost of reading it
    /// (`benches/clock.rs`).
    ///
    /// Never ahead of a [`Clock::monotonic_ns`] read after it, and behind by up to one tick: 4 ms
    /// at the usual 250 Hz, 10 ms at most (`clock_getres(2)`).
    #[inline]
    #[must_use]
    pub fn coarse_ns(&self) -> u64 {
        match self {
            Self::System => read_ns(ClockId::MonotonicCoarse),
            Self::Mock(mock) => mock.now_ns(),
        }
    }

    /// Nanoseconds since 1970-01-01 UTC (`CLOCK_REALTIME`). Jumps when someone sets the time.
    #[inline]
    #[must_use]
    pub fn unix_ns(&self) -> u64 {
        match self {
            Self::System => read_ns(ClockId::Realtime),
            Self::Mock(mock) => mock.unix_ns(),
        }
    }

    /// Monotonic and Unix time of one moment.
    ///
    /// The two clocks cannot be read at once, so the Unix time is read between two monotonic
    /// readings, a few times over, and the narrowest try wins: Cristian's algorithm (1989) on a
    /// link of a few nanoseconds. The error is at most half of that try's gap.
    #[must_use]
    pub fn anchor(&self) -> Anchor {
        (1..ANCHOR_TRIES)
            .map(|_| self.bracket())
            .fold(self.bracket(), Bracket::narrower)
            .anchor
    }

    /// Monotonic and Unix time of one moment, for a reader who knows how far they were apart at an
    /// earlier one: that offset is kept while the coarse clocks, which the same tick moves, agree
    /// with it to a tick ([`COARSE_NS`]). Where they do not, the wall clock was set or the machine
    /// slept, and both are read anew. A tenth of the cost of [`Clock::anchor`].
    #[must_use]
    pub fn anchor_near(&self, offset_ns: u64) -> Anchor {
        let monotonic_ns = self.monotonic_ns();
        let coarse_ns = self.coarse_ns();
        let offset_now_ns = self.coarse_unix_ns().wrapping_sub(coarse_ns);
        if offset_now_ns.abs_diff(offset_ns) > COARSE_NS || self.coarse_ns() != coarse_ns {
            return self.anchor();
        }
        Anchor {
            monotonic_ns,
            unix_ns: monotonic_ns.wrapping_add(offset_ns),
        }
    }

    fn coarse_unix_ns(&self) -> u64 {
        match self {
            Self::System => read_ns(ClockId::RealtimeCoarse),
            Self::Mock(mock) => mock.unix_ns(),
        }
    }

    fn bracket(&self) -> Bracket {
        let before_ns = self.monotonic_ns();
        let unix_ns = self.unix_ns();
        let gap_ns = self.monotonic_ns() - before_ns;
        let monotonic_ns = before_ns + gap_ns / 2;
        Bracket {
            anchor: Anchor {
                monotonic_ns,
                unix_ns,
            },
            gap_ns,
        }
    }
}

/// The same moment on two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Nanoseconds of the monotonic clock.
    pub monotonic_ns: u64,
    /// Nanoseconds since 1970-01-01 UTC.
    pub unix_ns: u64,
}

impl Anchor {
    /// Unix time of a monotonic stamp from before or after the anchor, in nanoseconds.
    ///
    /// A result outside `u64` (before 1970, after 2554) becomes its nearer end.
    #[must_use]
    pub fn to_unix_ns(&self, monotonic_ns: u64) -> u64 {
        match monotonic_ns.checked_sub(self.monotonic_ns) {
            Some(later_ns) => self.unix_ns.saturating_add(later_ns),
            None => self
                .unix_ns
                .saturating_sub(self.monotonic_ns - monotonic_ns),
        }
    }
}

/// A clock for tests: it stands still until [`MockClock::advance`], or moves at each reading.
///
/// Clones share one time, and any number of threads may read and move it. Its coarse and fine
/// readings agree, and its Unix time moves along.
#[derive(Clone, Debug)]
pub struct MockClock {
    now_ns: Arc<AtomicU64>,
    tick_ns: u64,
}

impl MockClock {
    /// Monotonic time of a new clock, in nanoseconds: one second, because 0 is what a stamp says
    /// that was never set.
    pub const START_NS: u64 = NS_PER_SECOND;

    /// Unix time of a new clock, in nanoseconds: 2024-01-01T00:00:00Z.
    pub const START_UNIX_NS: u64 = 1_704_067_200 * NS_PER_SECOND;

    /// A clock at [`MockClock::START_NS`].
    #[must_use]
    pub fn new() -> Self {
        Self::ticking(Duration::ZERO)
    }

    /// A clock at [`MockClock::START_NS`] that every reading moves on by `tick`, once it was read.
    #[must_use]
    pub fn ticking(tick: Duration) -> Self {
        Self {
            now_ns: Arc::new(AtomicU64::new(Self::START_NS)),
            tick_ns: nanoseconds(tick),
        }
    }

    /// Moves the clock, and all its clones, on by `step`; it stops at the end of `u64`.
    pub fn advance(&self, step: Duration) {
        self.move_on(nanoseconds(step));
    }

    /// Returns the time before the move.
    fn move_on(&self, step_ns: u64) -> u64 {
        let add = |now_ns: u64| now_ns.saturating_add(step_ns);
        self.now_ns
            .update(Ordering::Relaxed, Ordering::Relaxed, add)
    }

    fn now_ns(&self) -> u64 {
        match self.tick_ns {
            0 => self.now_ns.load(Ordering::Relaxed),
            tick_ns => self.move_on(tick_ns),
        }
    }

    fn unix_ns(&self) -> u64 {
        let passed_ns = self.now_ns() - Self::START_NS;
        Self::START_UNIX_NS.saturating_add(passed_ns)
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Default for MockClock {
    fn default() -> Self {
        Self::new()
    }
}

/// An anchor and the time that reading it took.
#[derive(Clone, Copy)]
struct Bracket {
    anchor: Anchor,
    gap_ns: u64,
}

impl Bracket {
    fn narrower(self, other: Self) -> Self {
        if other.gap_ns < self.gap_ns {
            other
        } else {
            self
        }
    }
}

/// Linux keeps these clocks between 1970 and 2232, so that neither sign nor `u64` is in the way.
#[inline]
fn read_ns(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    now.tv_sec.cast_unsigned() * NS_PER_SECOND + now.tv_nsec.cast_unsigned()
}
