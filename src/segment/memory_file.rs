//! Blocks in a memory file that grows.
#![allow(unsafe_code, reason = "maps memory")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{
    FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate, memfd_create,
};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};

use super::SegmentError;
use super::places::Places;

/// The file grows by so many bytes at a time.
pub const EXTENT_BYTES: usize = 1 << 20;

/// A file without a name, all of it mapped once, whose bytes are backed as they are needed.
///
/// A forked child has no mapping of it: what is written there would be written for the parent.
#[derive(Debug)]
pub struct MemoryFile {
    file: OwnedFd,
    start: NonNull<u8>,
    reserved: usize,
    places: Mutex<Growing>,
}

#[derive(Debug, Default)]
struct Growing {
    places: Places,
    /// Bytes that the file has.
    backed: usize,
}

// SAFETY: the mapping is handed out in blocks, each of which is one owner's; the rest is locked.
unsafe impl Send for MemoryFile {}
// SAFETY: as above.
unsafe impl Sync for MemoryFile {}

/// Some bytes of a memory file.
#[derive(Debug)]
pub struct FileBlock {
    file: Arc<MemoryFile>,
    offset: usize,
    length: usize,
}

impl MemoryFile {
    pub(super) fn new(reserve_bytes: usize) -> Result<Self, SegmentError> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = memfd_create(c"pydotcompute", flags).map_err(refused("memfd_create"))?;
        let reserved = reserve_bytes
            .max(1)
            .checked_next_multiple_of(EXTENT_BYTES)
            .ok_or(SegmentError::Full(reserve_bytes, usize::MAX))?;
        // Nobody can take bytes away again: reading them would kill the process.
        fcntl_add_seals(&file, SealFlags::SHRINK).map_err(refused("fcntl"))?;
        let start = map(file.as_fd(), reserved)?;
        Ok(Self {
            file,
            start,
            reserved,
            places: Mutex::default(),
        })
    }

    /// Bytes that the file has so far.
    #[must_use]
    pub fn backed_bytes(&self) -> usize {
        self.lock().backed
    }

    pub(super) fn allocate(file: &Arc<Self>, bytes: usize) -> Result<FileBlock, SegmentError> {
        let (offset, length) = file.take(bytes)?;
        let block = FileBlock {
            file: Arc::clone(file),
            offset,
            length,
        };
        // SAFETY: backed, inside the mapping, and this block's alone.
        unsafe { block.start().write_bytes(0, length) };
        Ok(block)
    }

    fn take(&self, bytes: usize) -> Result<(usize, usize), SegmentError> {
        let mut growing = self.lock();
        let taken = growing.places.take(bytes, self.reserved);
        let (offset, length) = taken.ok_or(SegmentError::Full(bytes, self.reserved))?;
        if let Err(error) = self.back(&mut growing) {
            growing.places.give_back(offset, length);
            return Err(error);
        }
        Ok((offset, length))
    }

    /// Lets the file have all bytes that are used. They are there from then on, not only promised:
    /// where the system has no more, this fails and no later access does.
    fn back(&self, growing: &mut Growing) -> Result<(), SegmentError> {
        let needed = growing.places.used().next_multiple_of(EXTENT_BYTES);
        if needed <= growing.backed {
            return Ok(());
        }
        ftruncate(&self.file, needed as u64).map_err(refused("ftruncate"))?;
        let (from, more) = (growing.backed as u64, (needed - growing.backed) as u64);
        let flags = FallocateFlags::empty();
        fallocate(&self.file, flags, from, more).map_err(refused("fallocate"))?;
        growing.backed = needed;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Growing> {
        // Nothing is half done where a holder panicked: each change is one call.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, and no block is left that lies in it.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.reserved) };
        debug_assert!(unmapped.is_ok(), "{unmapped:?}");
    }
}

impl FileBlock {
    pub(super) fn start(&self) -> NonNull<u8> {
        // SAFETY: `Places` hands out offsets inside the stretch that is reserved.
        unsafe { self.file.start.byte_add(self.offset) }
    }

    pub(super) fn bytes(&self) -> usize {
        self.length
    }
}

impl Drop for FileBlock {
    fn drop(&mut self) {
        self.file.lock().places.give_back(self.offset, self.length);
    }
}

fn map(file: BorrowedFd<'_>, bytes: usize) -> Result<NonNull<u8>, SegmentError> {
    let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
    // SAFETY: a new mapping at an address of the system's choice touches nothing that is there.
    let start = unsafe { mmap(std::ptr::null_mut(), bytes, access, flags, file, 0) };
    let start = start.map_err(refused("mmap"))?;
    // SAFETY: just mapped.
    let advised = unsafe { madvise(start, bytes, Advice::LinuxDontFork) };
    advised.map_err(refused("madvise"))?;
    NonNull::new(start.cast()).ok_or_else(|| {
        let nothing = io::Error::from(io::ErrorKind::OutOfMemory);
        SegmentError::System("mmap", nothing)
    })
}

fn refused(call: &'static str) -> impl FnOnce(rustix::io::Errno) -> SegmentError {
    move |reason| SegmentError::System(call, reason.into())
}
