//! Rust core of `pydotcompute`: the mailbox of a ring kernel and the record that counts what passes it.
//!
//! Read from top to bottom: a message enters a [`mailbox`], waits in a [`queue`], or as a record in
//! a [`ring`] that lies in a [`segment`], and every step it takes is one store into its kernel's
//! [`record`], stamped by the [`clock`].

pub mod clock;
pub mod mailbox;
pub mod parker;
pub mod queue;
pub mod record;
pub mod ring;
pub mod segment;
mod sync;

#[cfg(feature = "python")]
mod gil;
#[cfg(feature = "python")]
mod python;
#[cfg(feature = "python")]
mod task;
