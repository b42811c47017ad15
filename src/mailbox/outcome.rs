//! What goes into a mailbox's calls and what comes out of them.

/// What a mailbox is made for.
#[derive(Clone, Copy, Debug)]
pub struct MailboxOptions {
    /// Bound of the input queue, at least 1.
    pub queue_size: usize,
    /// Bound of the output queue, at least 1.
    pub output_queue_size: usize,
    /// A full input queue drops its oldest message of the lowest priority instead of refusing.
    pub drop_oldest: bool,
    /// Whether the kernel answers; one that does not has processed what it moved on from.
    pub replies: bool,
}

/// What became of an offered message.
#[derive(Debug, PartialEq, Eq)]
pub enum Offer<M> {
    /// It is in the queue; the message that made room for it, if one had to, comes back.
    Accepted(Option<M>),
    /// The queue is full; the message comes back.
    Full(M),
    /// The kernel takes no more messages; the message comes back.
    Closed(M),
}

/// What became of offered records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// So many are in the queue, the first of those offered; there was no room for the others.
    Accepted(usize),
    /// The queue takes nothing any more.
    Closed,
}

/// What a caller got from a queue of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CollectRecords {
    /// So many replies.
    Replies(usize),
    /// The error with this code, which took a reply's place.
    Error(i32),
    /// Nothing now.
    Empty,
}

/// What the kernel got when it asked for messages.
#[derive(Debug, PartialEq, Eq)]
pub enum Take<M> {
    /// A message, now in flight.
    Message(M),
    /// None now.
    Empty,
    /// None now and none ever: the input is closed and empty.
    End,
}

/// What became of a reply.
#[derive(Debug, PartialEq, Eq)]
pub enum ReplyOutcome<M> {
    /// It is in the output queue.
    Sent,
    /// The output queue is full; the reply comes back.
    Full(M),
    /// Replies are refused; the reply comes back.
    Closed(M),
}

/// What lies in an output queue.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply<M> {
    /// An answer.
    Value(M),
    /// The error that took an answer's place.
    Error(M),
}

impl<M> Reply<M> {
    pub(super) fn inner(&self) -> &M {
        match self {
            Self::Value(inner) | Self::Error(inner) => inner,
        }
    }

    pub(super) fn into_inner(self) -> M {
        match self {
            Self::Value(inner) | Self::Error(inner) => inner,
        }
    }
}

/// A reply handed to a caller, or none.
pub type Collect<M> = Option<Reply<M>>;

/// How a kernel's code ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It returned, or met the end of its input.
    Returned,
    /// An exception left it; `counted` where the same one was recorded before.
    Raised {
        /// The exception is among the errors already.
        counted: bool,
    },
    /// It was cancelled.
    Cancelled,
}

/// Why a reply is refused.
pub(super) enum Refusal {
    /// Replies are closed.
    Closed,
    /// The output queue is full.
    Full,
}

impl Refusal {
    /// Hands the refused reply back.
    pub(super) fn of<M>(self, reply: M) -> ReplyOutcome<M> {
        match self {
            Self::Closed => ReplyOutcome::Closed(reply),
            Self::Full => ReplyOutcome::Full(reply),
        }
    }
}
