//! The memory of a ring, and the copies in and out of it.
#![allow(unsafe_code, reason = "memory that two threads share without a lock")]

use std::ptr::NonNull;

use super::layout::{Header, Shape};

/// Memory that a ring can lie in.
///
/// # Safety
/// While the value lives, `start()` gives the same address, aligned to 128 bytes, from which
/// `bytes()` bytes can be read and written. They are 0 at first, and nobody else writes them.
pub unsafe trait Memory: Send + Sync + std::fmt::Debug {
    /// Where it begins.
    fn start(&self) -> NonNull<u8>;
    /// How long it is.
    fn bytes(&self) -> usize;
}

pub(super) use place::Slots;

/// Records from `position` on that lie in one piece.
fn in_one_piece(position: u64, count: usize, slots: usize) -> (usize, usize) {
    let first = index_of(position, slots);
    (first, count.min(slots - first))
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the mask leaves what an index holds"
)]
fn index_of(position: u64, slots: usize) -> usize {
    position as usize & (slots - 1)
}

#[cfg(not(pydotcompute_loom))]
mod place {
    use super::{Header, Memory, NonNull, Shape, in_one_piece};

    /// Header and records in the memory given.
    #[derive(Debug)]
    pub(in crate::ring) struct Slots {
        header: NonNull<Header>,
        records: NonNull<u8>,
        count: usize,
        record_bytes: usize,
        _memory: Box<dyn Memory>,
    }

    // SAFETY: the header is made of atomics; records are reached through `write` and `read`, whose
    // callers keep the two ends apart. The memory may be used from any thread itself.
    unsafe impl Send for Slots {}
    // SAFETY: as above.
    unsafe impl Sync for Slots {}

    impl Slots {
        pub(in crate::ring) fn new(shape: Shape, memory: Box<dyn Memory>) -> Self {
            assert!(memory.bytes() >= shape.bytes(), "{memory:?} for {shape:?}");
            let header = memory.start().cast();
            // SAFETY: the memory is longer than the header, as just asserted.
            let records = unsafe { memory.start().byte_add(size_of::<Header>()) };
            Self {
                header,
                records,
                count: shape.slots(),
                record_bytes: shape.record_bytes(),
                _memory: memory,
            }
        }

        #[inline]
        pub(in crate::ring) fn header(&self) -> &Header {
            // SAFETY: aligned, zeroed and ours by the promise of `Memory`; zeros are a header.
            unsafe { self.header.as_ref() }
        }

        /// Lends the places of `count` records from `position` on, in one piece and the rest.
        ///
        /// # Safety
        /// Nobody else uses those places meanwhile, and there are so many.
        #[inline]
        pub(in crate::ring) unsafe fn write(
            &self,
            position: u64,
            count: usize,
            fill: impl FnOnce(&mut [u8], &mut [u8]),
        ) {
            let (first, whole) = in_one_piece(position, count, self.count);
            // SAFETY: `first` is below the number of places; the caller has them for itself.
            let here = unsafe { self.piece(first, whole).as_mut() };
            // SAFETY: the rest begins again at the first place, before `first`.
            let rest = unsafe { self.piece(0, count - whole).as_mut() };
            fill(here, rest);
        }

        /// Shows `count` records from `position` on, in one piece and the rest.
        ///
        /// # Safety
        /// They were published, and nobody writes to their places meanwhile.
        #[inline]
        pub(in crate::ring) unsafe fn read(
            &self,
            position: u64,
            count: usize,
            look: impl FnOnce(&[u8], &[u8]),
        ) {
            let (first, whole) = in_one_piece(position, count, self.count);
            // SAFETY: `first` is below the number of places; the caller says nobody writes.
            let here = unsafe { self.piece(first, whole).as_ref() };
            // SAFETY: the rest begins again at the first place.
            let rest = unsafe { self.piece(0, count - whole).as_ref() };
            look(here, rest);
        }

        /// `count` places from that at `index` on.
        ///
        /// # Safety
        /// There are so many from there on.
        #[inline]
        unsafe fn piece(&self, index: usize, count: usize) -> NonNull<[u8]> {
            // SAFETY: inside the memory, by what the caller says.
            let start = unsafe { self.records.byte_add(index * self.record_bytes) };
            NonNull::slice_from_raw_parts(start, count * self.record_bytes)
        }
    }
}

/// Loom's cells in the place of memory: it fails a model where two threads could meet in one.
#[cfg(pydotcompute_loom)]
mod place {
    use loom::cell::UnsafeCell;

    use super::{Header, Memory, Shape, in_one_piece, index_of};

    #[derive(Debug)]
    pub(in crate::ring) struct Slots {
        header: Header,
        records: Vec<UnsafeCell<Vec<u8>>>,
        record_bytes: usize,
    }

    // SAFETY: loom checks every access to a cell.
    unsafe impl Send for Slots {}
    // SAFETY: as above.
    unsafe impl Sync for Slots {}

    impl Slots {
        pub(in crate::ring) fn new(shape: Shape, _memory: Box<dyn Memory>) -> Self {
            let empty = || UnsafeCell::new(vec![0; shape.record_bytes()]);
            Self {
                header: Header::default(),
                records: (0..shape.slots()).map(|_| empty()).collect(),
                record_bytes: shape.record_bytes(),
            }
        }

        pub(in crate::ring) fn header(&self) -> &Header {
            &self.header
        }

        /// As outside of a model, where loom watches instead of the caller.
        ///
        /// # Safety
        /// None is asked for here: loom fails a model in which somebody else uses those places.
        pub(in crate::ring) unsafe fn write(
            &self,
            position: u64,
            count: usize,
            fill: impl FnOnce(&mut [u8], &mut [u8]),
        ) {
            let (_, whole) = in_one_piece(position, count, self.records.len());
            let mut records = vec![0; count * self.record_bytes];
            let (here, rest) = records.split_at_mut(whole * self.record_bytes);
            fill(here, rest);
            for (at, record) in (position..).zip(records.chunks(self.record_bytes)) {
                self.records[index_of(at, self.records.len())].with_mut(|place| {
                    // SAFETY: loom fails the model where somebody else could be here.
                    unsafe { (*place).copy_from_slice(record) }
                });
            }
        }

        pub(in crate::ring) unsafe fn read(
            &self,
            position: u64,
            count: usize,
            look: impl FnOnce(&[u8], &[u8]),
        ) {
            let (_, whole) = in_one_piece(position, count, self.records.len());
            let mut records = Vec::new();
            for at in (position..).take(count) {
                self.records[index_of(at, self.records.len())].with(|place| {
                    // SAFETY: loom fails the model where somebody could be writing here.
                    records.extend_from_slice(unsafe { &**place });
                });
            }
            let (here, rest) = records.split_at(whole * self.record_bytes);
            look(here, rest);
        }
    }
}
