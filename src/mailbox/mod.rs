//! One kernel's whole meeting point: two queues and one record.
//!
//! Every call moves a message and counts it; there is no second bookkeeping.

mod flight;
mod ledger;
mod object_mailbox;
mod outcome;
mod sampler;

pub use ledger::Ledger;
pub use object_mailbox::ObjectMailbox;
pub use outcome::{Collect, End, MailboxOptions, Offer, Reply, ReplyOutcome, Take};
pub use sampler::Sampler;
