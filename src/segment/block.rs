//! A piece of a segment.
#![allow(unsafe_code, reason = "promises what a ring asks of memory")]

use std::ptr::NonNull;

use super::heap::HeapBlock;
use super::memory_file::FileBlock;
use crate::ring::Memory;

/// Lines are this wide; every block begins at one.
pub(super) const LINE_BYTES: usize = 128;

/// Some bytes of a segment; dropping it gives them back.
#[derive(Debug)]
pub enum Block {
    /// On the heap.
    Heap(HeapBlock),
    /// In a memory file.
    MemoryFile(FileBlock),
}

// SAFETY: both kinds of blocks have one address while they live, aligned to a line, zeroed when
// they are handed out, and are handed out once at a time.
unsafe impl Memory for Block {
    fn start(&self) -> NonNull<u8> {
        match self {
            Self::Heap(block) => block.start(),
            Self::MemoryFile(block) => block.start(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Heap(block) => block.bytes(),
            Self::MemoryFile(block) => block.bytes(),
        }
    }
}
