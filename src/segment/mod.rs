//! The memory that records lie in.
//!
//! A segment hands out blocks whose addresses never change. On the heap each block stands for
//! itself. In a memory file a stretch of addresses is reserved first and backed as it is needed,
//! an extent at a time, so that another process or a device can map all of it once.

mod block;
mod heap;
mod memory_file;
mod places;

pub use block::Block;
pub use memory_file::EXTENT_BYTES;

use std::fmt;
use std::io;
use std::sync::Arc;

use memory_file::MemoryFile;

/// Where blocks come from. Cloning is cheap, and clones are the same segment.
#[derive(Clone, Debug)]
pub enum Segment {
    /// The heap of this process.
    Heap,
    /// A memory file (`memfd_create(2)`) of its own.
    MemoryFile(Arc<MemoryFile>),
}

/// Why there is no memory.
#[derive(Debug)]
pub enum SegmentError {
    /// The heap gave no block of so many bytes.
    HeapExhausted(usize),
    /// The addresses reserved are used up: bytes wanted, bytes reserved.
    Full(usize, usize),
    /// The system refused a call: which, and its reason.
    System(&'static str, io::Error),
}

impl fmt::Display for SegmentError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeapExhausted(bytes) => {
                write!(
                    formatter,
                    "there is no memory for {bytes} bytes: take smaller queues"
                )
            }
            Self::Full(bytes, reserved) => write!(
                formatter,
                "the segment of {reserved} bytes has no room for {bytes} more: end kernels, take \
                 smaller queues, or reserve more"
            ),
            Self::System(call, reason) => {
                write!(formatter, "{call} gave no memory: {reason}")
            }
        }
    }
}

impl std::error::Error for SegmentError {}

impl Segment {
    /// A segment in a memory file that can grow to `reserve_bytes`, rounded up to whole extents.
    ///
    /// # Errors
    /// Where the system refuses the file or the addresses.
    pub fn memory_file(reserve_bytes: usize) -> Result<Self, SegmentError> {
        MemoryFile::new(reserve_bytes).map(|file| Self::MemoryFile(Arc::new(file)))
    }

    /// A block of `bytes` zeros at a multiple of 128, which stay where they are.
    ///
    /// # Errors
    /// Where there is no memory for it.
    pub fn allocate(&self, bytes: usize) -> Result<Block, SegmentError> {
        match self {
            Self::Heap => heap::allocate(bytes).map(Block::Heap),
            Self::MemoryFile(file) => MemoryFile::allocate(file, bytes).map(Block::MemoryFile),
        }
    }
}
