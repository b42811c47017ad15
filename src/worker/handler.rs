//! Code of a user that handles one record, and the memory it is shown.
#![allow(unsafe_code, reason = "calls code by its address")]

use std::ffi::c_void;

/// The code for "no reply".
pub(super) const NO_REPLY: i32 = 1;

/// What C declares as `int32_t handler(const void *input, void *output)`.
type Function = unsafe extern "C" fn(*const c_void, *mut c_void) -> i32;

/// A handler by its address.
#[derive(Clone, Copy, Debug)]
pub struct Handler(Function);

impl Handler {
    /// The handler at `address`; None for 0.
    ///
    /// # Safety
    /// There lies a C function `int32_t (const void *, void *)` that stays there while any worker
    /// runs it, may be called from any thread, reads no further than the message that its first
    /// argument points to and writes no further than the reply behind its second.
    #[must_use]
    pub unsafe fn at(address: usize) -> Option<Self> {
        if address == 0 {
            return None;
        }
        let pointer = address as *const c_void;
        // SAFETY: the caller promises that such a function lies there; it is not null.
        Some(Self(unsafe {
            std::mem::transmute::<*const c_void, Function>(pointer)
        }))
    }

    /// Calls it for one message; `output` is room for the reply, zeroed.
    pub(super) fn call(self, input: &[u8], output: &mut [u8]) -> i32 {
        // SAFETY: both are whole records of the sizes and the alignment that `Handler::at` speaks
        // of, and nobody else uses them meanwhile.
        unsafe { self.0(input.as_ptr().cast(), output.as_mut_ptr().cast()) }
    }
}

/// Some records side by side, aligned as C aligns any scalar.
#[derive(Debug)]
pub(super) struct Records {
    words: Vec<u128>,
    record_bytes: usize,
}

impl Records {
    pub(super) fn new(record_bytes: usize, count: usize) -> Self {
        let words = (record_bytes * count).div_ceil(size_of::<u128>());
        Self {
            words: vec![0; words],
            record_bytes,
        }
    }

    /// The first `count` records.
    pub(super) fn first(&mut self, count: usize) -> &mut [u8] {
        let length = count * self.record_bytes;
        assert!(length <= size_of_val(self.words.as_slice()));
        let start = self.words.as_mut_ptr().cast();
        // SAFETY: that many bytes lie there, as was just seen; any bytes are valid as bytes and as
        // words, and `self` is lent for as long as they are.
        unsafe { std::slice::from_raw_parts_mut(start, length) }
    }

    /// The record at `index`.
    pub(super) fn at(&mut self, index: usize) -> &mut [u8] {
        let record_bytes = self.record_bytes;
        &mut self.first(index + 1)[index * record_bytes..]
    }
}
