//! Where a loop runs, told without a call of the system.
#![allow(
    unsafe_code,
    reason = "the one call by which a process learns that it was forked"
)]

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::prelude::*;

use super::Object;
use super::asyncio::{has_current_task, is_running};

/// How often this process and those it descends from were forked since the package was used.
///
/// Written in a child that has one thread yet, and read by its threads, all of them younger.
static FORKS: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static MARK: u8 = const { 0 };
}

/// The thread and the process in which a loop runs.
///
/// asyncio asks the system for the process's id whenever it is asked for the running loop, which
/// takes longer than moving a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    thread: usize,
    forks: u32,
}

impl Place {
    /// The calling thread of this process.
    pub(crate) fn here() -> Self {
        count_forks();
        Self {
            thread: MARK.with(|mark| &raw const *mark as usize),
            forks: FORKS.load(Ordering::Relaxed),
        }
    }

    /// Whether `home`, the loop that runs in this place, runs now and here.
    ///
    /// It does where one of its tasks runs, in the loop's own thread and in a process that was not
    /// forked since; whoever asks from elsewhere is answered by asyncio.
    #[inline]
    pub(crate) fn is_here(self, py: Python<'_>, home: &Object) -> PyResult<bool> {
        let is_same = self.thread == MARK.with(|mark| &raw const *mark as usize)
            && self.forks == FORKS.load(Ordering::Relaxed);
        if is_same && has_current_task(py, home)? {
            return Ok(true);
        }
        is_running(py, home)
    }
}

fn count_forks() {
    static ASKED: Once = Once::new();
    ASKED.call_once(|| {
        // SAFETY: the handler is a function that lives as long as the process and does nothing but
        // add to an atomic, which is allowed in a forked child of many threads.
        let failed = unsafe { libc::pthread_atfork(None, None, Some(note_fork)) };
        assert_eq!(failed, 0, "no memory to note forks in");
    });
}

extern "C" fn note_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}
