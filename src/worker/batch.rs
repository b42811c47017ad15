//! How many messages a worker takes at once.

use std::time::Duration;

/// The most messages that are taken at once.
const MOST: usize = 64;
/// The most bytes that are taken at once, where that is more than one message.
const MOST_BYTES: usize = 1 << 16;
/// A batch that took no longer may be followed by a larger one: its first reply waited that long.
const SHORT: Duration = Duration::from_micros(5);
/// After a batch that took longer, messages are taken one by one again.
pub(super) const LONG: Duration = Duration::from_micros(20);

/// Messages of fast handlers are taken together; slow ones, where a reply would wait for the
/// messages behind its own, one by one.
#[derive(Debug)]
pub(super) struct BatchSize {
    now: usize,
    most: usize,
}

impl BatchSize {
    /// Begins with one message of `record_bytes`.
    pub(super) fn new(record_bytes: usize) -> Self {
        Self {
            now: 1,
            most: (MOST_BYTES / record_bytes).clamp(1, MOST),
        }
    }

    pub(super) fn now(&self) -> usize {
        self.now
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Learns how long a batch of `count` messages took.
    pub(super) fn learn(&mut self, count: usize, took: Duration) {
        if took > LONG {
            self.now = 1;
        } else if count == self.now && took <= SHORT {
            self.now = (2 * self.now).min(self.most);
        }
    }
}
