//! Rust core of `pydotcompute`: the mailbox of a ring kernel and the record that counts what passes it.
//!
//! Read from top to bottom: a message enters a [`mailbox`], waits in a [`queue`], or as a record in
//! a [`ring`] that lies in a [`segment`], and every step it takes is one store into its kernel's
//! [`record`], stamped by the [`clock`]. Records may be handled by a native [`worker`].

pub mod clock;
pub mod mailbox;
pub mod parker;
pub mod queue;
pub mod record;
pub mod ring;
pub mod segment;
mod sync;
pub mod worker;

#[cfg(feature = "python")]
mod gil;
#[cfg(feature = "python")]
mod python;
#[cfg(feature = "python")]
mod task;
