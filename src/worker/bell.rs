//! How threads tell a loop of events that something has changed.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex};

use rustix::event::{EventfdFlags, eventfd};

use super::brief;

/// A file descriptor that is readable while somebody has rung, and who has.
///
/// One a loop, for any number of workers.
#[derive(Debug)]
pub struct Bell {
    file: OwnedFd,
    rung: Mutex<Vec<u64>>,
}

impl Bell {
    /// A bell that nobody has rung.
    ///
    /// # Errors
    /// Where the system gives no more files.
    pub fn new() -> io::Result<Self> {
        let file = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            file,
            rung: Mutex::default(),
        })
    }

    /// What the loop watches.
    #[must_use]
    pub fn file(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// Makes the file readable and notes who rang.
    fn ring(&self, key: u64) {
        let mut rung = brief::lock(&self.rung);
        let is_first = rung.is_empty();
        if rung.last() != Some(&key) {
            rung.push(key);
        }
        drop(rung);
        if is_first {
            self.add();
        }
    }

    /// A counter that cannot take one more is readable already.
    fn add(&self) {
        let one = 1_u64.to_ne_bytes();
        while rustix::io::write(&self.file, &one) == Err(rustix::io::Errno::INTR) {}
    }

    /// Who has rung since the last call, each once.
    ///
    /// The file comes first: who rings in between is among them, and the file is readable once
    /// more for nothing.
    #[must_use]
    pub fn answer(&self) -> Vec<u64> {
        let mut count = [0; 8];
        while rustix::io::read(&self.file, &mut count) == Err(rustix::io::Errno::INTR) {}
        let mut keys = std::mem::take(&mut *brief::lock(&self.rung));
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// One worker's end of a bell.
#[derive(Clone, Debug)]
pub struct Rope {
    bell: Arc<Bell>,
    key: u64,
}

impl Rope {
    /// The end that `key` is noted for.
    #[must_use]
    pub fn new(bell: Arc<Bell>, key: u64) -> Self {
        Self { bell, key }
    }

    /// Rings.
    pub fn pull(&self) {
        self.bell.ring(self.key);
    }
}
