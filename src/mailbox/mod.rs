//! One kernel's whole meeting point: two queues and one record. [`ObjectMailbox`] holds objects of
//! one address space, [`RecordMailbox`] records of one size in memory that threads share.
//!
//! Every call moves a message and counts it; there is no second bookkeeping.

mod flight;
mod kernel_end;
mod ledger;
mod notes;
mod object_mailbox;
mod outcome;
mod record_ends;
mod record_mailbox;
mod sampler;

pub use ledger::Ledger;
pub use notes::NoRoom;
pub use object_mailbox::ObjectMailbox;
pub use outcome::{
    Collect, CollectRecords, End, MailboxOptions, Offer, Put, Reply, ReplyOutcome, Take,
};
pub use record_mailbox::{Busy, RecordMailbox, RecordMailboxOptions, Waits};
pub use sampler::Sampler;
