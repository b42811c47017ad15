//! Where a kernel's task stands, and what came of a try to run it.

/// Who moves the kernel on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The task, which waits for what the kernel waits for, or has not begun.
    Task,
    /// It runs.
    Running,
    /// A message: the task waits for the parking, and callers may run the kernel.
    Parked,
    /// The task, once it was handed what is owed to it.
    Owing,
    /// Nobody.
    Finished,
}

/// How a caller fared that wanted to run a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// The kernel has run.
    Yes,
    /// It has run, and has cancelled its caller, which must hear of it before it takes a reply.
    YesAndCancelled,
    /// It is not parked, or cannot be run from where the caller is.
    No,
    /// It can be run after the loop has turned.
    NotNow,
}
