//! Which messages are timed.

use crate::queue::Sample;

/// What timing a message costs: three readings of the fine clock and two histograms, 70 ns while
/// all of that is warm (`benches/clock.rs`, `benches/histogram.rs`), and three times as much where
/// one message in many calls it out of the caches (`benches/figures`).
const COST_NS: i64 = 200;

/// One part in so many of the time may be spent on it.
const SHARE: i64 = 100;

/// How much time must pass for each timed message.
const PRICE_NS: i64 = COST_NS * SHARE;

/// The most that a quiet spell saves, or a fast one owes: the price of 64 messages in a row.
const MAX_SAVED_NS: i64 = 64 * PRICE_NS;

/// The largest mean gap between timed messages.
const MAX_GAP: i64 = 1024;

/// Picks the messages to time: all of them while they are rare, and at high rates as many as cost
/// about one hundredth of the time.
///
/// Time that passes is saved up, to an end, and each timed message is paid from it. While savings
/// last every message is timed; then the next one is timed after a gap in which, at the rate of
/// the gap before, its price is saved. Gaps are drawn around that length, so that no pattern in
/// the messages keeps step with them. Each sample weighs as many messages as were accepted since
/// the one before, so that busy spells weigh what they should.
///
/// The same seed and the same stamps pick the same messages.
#[derive(Clone, Debug)]
pub struct Sampler {
    countdown: u32,
    gap: u32,
    last_ns: u64,
    saved_ns: i64,
    random: u64,
}

impl Sampler {
    /// A sampler that times the first message.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            countdown: 1,
            gap: 1,
            last_ns: 0,
            saved_ns: MAX_SAVED_NS,
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
        }
    }

    /// Whether the message accepted now is timed; `now_ns` is asked for only where it is.
    #[inline]
    pub fn pick(&mut self, now_ns: impl FnOnce() -> u64) -> Sample {
        self.countdown -= 1;
        if self.countdown > 0 {
            return Sample::NONE;
        }
        self.stamp(now_ns())
    }

    /// Lets messages pass of which none is timed, at most `count`, and returns how many passed: the
    /// one after them, where there is one, is for [`Sampler::pick`].
    #[inline]
    pub fn pass(&mut self, count: u32) -> u32 {
        let passed = count.min(self.countdown - 1);
        self.countdown -= passed;
        passed
    }

    fn stamp(&mut self, now_ns: u64) -> Sample {
        let weight = self.gap;
        let passed_ns = now_ns.saturating_sub(self.last_ns);
        let passed_ns = i64::try_from(passed_ns).map_or(MAX_SAVED_NS, |ns| ns.min(MAX_SAVED_NS));
        self.last_ns = now_ns;
        let paid_ns = (self.saved_ns + passed_ns).min(MAX_SAVED_NS) - PRICE_NS;
        self.saved_ns = paid_ns.max(-MAX_SAVED_NS);
        let period_ns = (passed_ns / i64::from(weight)).max(1);
        let missing_ns = PRICE_NS - self.saved_ns;
        self.gap = self.draw((missing_ns / period_ns + 1).clamp(1, MAX_GAP));
        self.countdown = self.gap;
        Sample {
            stamp_ns: now_ns,
            weight,
        }
    }

    /// A gap of `mean` messages, give or take half of it.
    fn draw(&mut self, mean: i64) -> u32 {
        let mean = mean.unsigned_abs();
        let half = mean / 2;
        let gap = mean - half + self.next_random() % (2 * half + 1);
        u32::try_from(gap).unwrap_or(u32::MAX)
    }

    /// The next number of Marsaglia's xorshift (Journal of Statistical Software 8(14), 2003).
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}
