//! Blocks on the heap.
#![allow(unsafe_code, reason = "allocates")]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use super::SegmentError;
use super::block::LINE_BYTES;

/// Bytes of the heap.
#[derive(Debug)]
pub struct HeapBlock {
    allocated: NonNull<u8>,
    layout: Layout,
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: it owns its bytes, and hands out no more than their address.
unsafe impl Send for HeapBlock {}
// SAFETY: as above.
unsafe impl Sync for HeapBlock {}

/// Allocates zeros that cost nothing until they are touched.
///
/// Asked for zeros aligned to a line, the system's allocator writes them; so a line more is taken,
/// aligned as it comes, and the block begins inside.
pub(super) fn allocate(bytes: usize) -> Result<HeapBlock, SegmentError> {
    let exhausted = || SegmentError::HeapExhausted(bytes);
    let roomy = bytes.checked_add(LINE_BYTES).ok_or_else(exhausted)?;
    let layout = Layout::from_size_align(roomy, 16).map_err(|_| exhausted())?;
    // SAFETY: the layout is not empty.
    let allocated = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(exhausted)?;
    let padding = allocated.align_offset(LINE_BYTES);
    // SAFETY: less than the line that was added.
    let start = unsafe { allocated.byte_add(padding) };
    Ok(HeapBlock {
        allocated,
        layout,
        start,
        bytes,
    })
}

impl HeapBlock {
    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for HeapBlock {
    fn drop(&mut self) {
        // SAFETY: allocated in `allocate` with this layout, and freed here only.
        unsafe { dealloc(self.allocated.as_ptr(), self.layout) };
    }
}
