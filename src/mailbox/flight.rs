//! Messages taken and not yet ended.

use std::collections::VecDeque;

use crate::queue::Sample;

/// The messages in flight, oldest first, as two numbers, those of them that are timed, and whether
/// their kernel is at work.
///
/// Marks (an error was recorded for that message) go to the oldest unmarked message and endings to
/// the oldest message, so the marked ones are always the first `marked` of them.
#[derive(Debug, Default)]
pub(super) struct Flight {
    count: u64,
    marked: u64,
    is_working: bool,
    /// Messages that have landed: the position of the oldest one in flight.
    landed: u64,
    /// Position and stamp of those that are timed, oldest first.
    timed: VecDeque<(u64, Sample)>,
}

/// How many messages of a flight were marked, and how many were not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Landed {
    pub(super) marked: u64,
    pub(super) unmarked: u64,
}

impl Flight {
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// A message was taken; `sample` says whether it is timed, and since when.
    #[inline]
    pub(super) fn take_off(&mut self, sample: Sample) {
        if sample.is_timed() {
            self.timed.push_back((self.landed + self.count, sample));
        }
        self.count += 1;
        self.is_working = true;
    }

    /// Notes that the kernel asked for a message and got none.
    pub(super) fn ask_in_vain(&mut self) {
        self.is_working = false;
    }

    /// Whether nothing is in flight, and the kernel has asked in vain since it took a message.
    pub(super) fn is_at_rest(&self) -> bool {
        self.count == 0 && !self.is_working
    }

    /// Marks the oldest unmarked message; nothing to mark: nothing happens.
    pub(super) fn mark(&mut self) {
        self.marked = self.count.min(self.marked + 1);
    }

    /// Ends the oldest message: Some(was it marked), or None where nothing is in flight.
    #[inline]
    pub(super) fn land_oldest(&mut self) -> Option<bool> {
        self.count = self.count.checked_sub(1)?;
        self.landed += 1;
        let was_marked = self.marked > 0;
        self.marked = self.marked.saturating_sub(1);
        Some(was_marked)
    }

    /// Ends the `count` oldest messages, or as many as there are.
    #[inline]
    pub(super) fn land(&mut self, count: u64) -> Landed {
        let landed = self.count.min(count);
        let marked = self.marked.min(landed);
        self.count -= landed;
        self.marked -= marked;
        self.landed += landed;
        let unmarked = landed - marked;
        Landed { marked, unmarked }
    }

    /// Ends all messages.
    #[inline]
    pub(super) fn land_all(&mut self) -> Landed {
        let marked = std::mem::take(&mut self.marked);
        let count = std::mem::take(&mut self.count);
        self.landed += count;
        let unmarked = count - marked;
        Landed { marked, unmarked }
    }

    /// The oldest timed message that has landed; each is given once.
    #[inline]
    pub(super) fn next_timed(&mut self) -> Option<Sample> {
        let landed = self.landed;
        let timed = self
            .timed
            .pop_front_if(|(position, _)| *position < landed)?;
        Some(timed.1)
    }
}
