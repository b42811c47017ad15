//! Notes about some of a ring's records.
//!
//! Few records have something said about them: that they are timed, that an error stands in their
//! place. That lies in a second ring, so that the records themselves lie side by side, as whoever
//! passes them in bulk wants them. A note is published before its record, so whoever finds a record
//! finds its note.

use std::cmp::Ordering::{Equal, Greater, Less};
use std::sync::Arc;

use crate::parker::Parker;
use crate::ring::{Consumer, Producer, Shape, ShapeError, ring};
use crate::segment::{Segment, SegmentError};

const WORD_BYTES: usize = size_of::<u64>();
const NOTE_BYTES: usize = 3 * WORD_BYTES;

/// What is said of the record at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) position: u64,
    pub(super) words: [u64; 2],
}

impl Note {
    fn to_bytes(self) -> [u8; NOTE_BYTES] {
        let mut bytes = [0; NOTE_BYTES];
        let [first, second] = self.words;
        let words = [self.position, first, second];
        for (place, word) in bytes.chunks_exact_mut(WORD_BYTES).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    fn of_bytes(bytes: [u8; NOTE_BYTES]) -> Self {
        let (words, _) = bytes.as_chunks::<WORD_BYTES>();
        let word = |at: usize| u64::from_ne_bytes(words[at]);
        Self {
            position: word(0),
            words: [word(1), word(2)],
        }
    }
}

/// The side that writes notes, in the order of their records.
#[derive(Debug)]
pub(super) struct NoteWriter(Producer);

/// The side that reads them.
#[derive(Debug)]
pub(super) struct NoteReader {
    ring: Consumer,
    next: Option<Note>,
}

/// Room for `bound` notes that nobody has read, on the heap: they are about records, wherever
/// those lie, and nobody else's to see.
pub(super) fn notes(bound: usize) -> Result<(NoteWriter, NoteReader), NoRoom> {
    let shape = Shape::new(NOTE_BYTES, bound)?;
    let block = Segment::Heap.allocate(shape.bytes())?;
    let nobody = Arc::new(Parker::new(false)); // who waits, waits for the records
    let (writer, reader) = ring(shape, Box::new(block), Arc::clone(&nobody), nobody);
    let reader = NoteReader {
        ring: reader,
        next: None,
    };
    Ok((NoteWriter(writer), reader))
}

/// Why there is no mailbox.
#[derive(Debug)]
pub enum NoRoom {
    /// A size is out of range.
    Shape(ShapeError),
    /// There is no memory for it.
    Segment(SegmentError),
}

impl std::fmt::Display for NoRoom {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Shape(error) => error.fmt(formatter),
            Self::Segment(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for NoRoom {}

impl From<ShapeError> for NoRoom {
    fn from(error: ShapeError) -> Self {
        Self::Shape(error)
    }
}

impl From<SegmentError> for NoRoom {
    fn from(error: SegmentError) -> Self {
        Self::Segment(error)
    }
}

impl NoteWriter {
    pub(super) fn has_room(&mut self) -> bool {
        self.0.has_room()
    }

    /// Publishes a note; the caller knows that there is room.
    pub(super) fn put(&mut self, note: Note) {
        let pushed = self.0.push(&note.to_bytes());
        debug_assert_eq!(pushed, 1, "has_room() was true");
    }
}

impl NoteReader {
    /// The next note about a record at `position` or after it, left where it is.
    #[inline]
    pub(super) fn peek_from(&mut self, position: u64) -> Option<Note> {
        loop {
            let note = match self.next {
                Some(note) => note,
                None => self.pop()?,
            };
            self.next = Some(note);
            match note.position.cmp(&position) {
                Less => self.next = None,
                Equal | Greater => return Some(note),
            }
        }
    }

    /// What is said of the record at `position`, if anything.
    #[inline]
    pub(super) fn take_at(&mut self, position: u64) -> Option<[u64; 2]> {
        let note = self.peek_from(position)?;
        (note.position == position).then(|| {
            self.next = None;
            note.words
        })
    }

    fn pop(&mut self) -> Option<Note> {
        let mut bytes = [0; NOTE_BYTES];
        (self.ring.pop(&mut bytes) == 1).then(|| Note::of_bytes(bytes))
    }
}
