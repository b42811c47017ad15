//! Which bytes of a stretch are taken.

use std::collections::BTreeMap;

use super::block::LINE_BYTES;

/// The free places of a stretch that grows at its end: first fit, neighbours joined.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The end of the last place that is taken.
    used: usize,
    /// Places given back: where they begin, how long they are.
    free: BTreeMap<usize, usize>,
}

impl Places {
    /// Takes `bytes`, rounded up to whole lines; where they begin, and how long they are.
    ///
    /// What lies past the end of the stretch so far is taken where nothing else fits, and not
    /// beyond `limit`.
    pub(super) fn take(&mut self, bytes: usize, limit: usize) -> Option<(usize, usize)> {
        let wanted = bytes.checked_next_multiple_of(LINE_BYTES)?.max(LINE_BYTES);
        let fitting = self.free.iter().find(|&(_, &length)| length >= wanted);
        if let Some((&start, &length)) = fitting {
            self.free.remove(&start);
            if length > wanted {
                self.free.insert(start + wanted, length - wanted);
            }
            return Some((start, wanted));
        }
        let end = self.used.checked_add(wanted).filter(|&end| end <= limit)?;
        let start = std::mem::replace(&mut self.used, end);
        Some((start, wanted))
    }

    /// Gives back what was taken.
    pub(super) fn give_back(&mut self, start: usize, length: usize) {
        let (mut start, mut length) = (start, length);
        if let Some(next) = self.free.remove(&(start + length)) {
            length += next;
        }
        if let Some((&before, &before_length)) = self.free.range(..start).next_back()
            && before + before_length == start
        {
            self.free.remove(&before);
            (start, length) = (before, before_length + length);
        }
        if start + length == self.used {
            self.used = start;
        } else {
            self.free.insert(start, length);
        }
    }

    /// Bytes from the beginning up to the end of the last place that is taken.
    pub(super) fn used(&self) -> usize {
        self.used
    }
}
