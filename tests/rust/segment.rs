//! Blocks of memory: where they lie, what is in them, and when there are no more.
#![cfg(not(pydotcompute_loom))]
#![allow(unsafe_code, reason = "looks at the memory that a block promises")]

use _core::ring::Memory;
use _core::segment::{Block, EXTENT_BYTES, Segment, SegmentError};
use proptest::prelude::*;

fn bytes_of(block: &mut Block) -> &mut [u8] {
    // SAFETY: a block is so many initialised bytes, and this borrow is the only one.
    unsafe { std::slice::from_raw_parts_mut(block.start().as_ptr(), block.bytes()) }
}

fn segments() -> [Segment; 2] {
    let file = Segment::memory_file(8 * EXTENT_BYTES).unwrap();
    [Segment::Heap, file]
}

fn backed(segment: &Segment) -> usize {
    match segment {
        Segment::Heap => 0,
        Segment::MemoryFile(file) => file.backed_bytes(),
    }
}

#[test]
fn a_block_is_zeros_on_lines_of_its_own() {
    for segment in segments() {
        for bytes in [1, 128, 129, 100_000] {
            let mut block = segment.allocate(bytes).unwrap();
            assert!(block.start().as_ptr().addr().is_multiple_of(128));
            assert!(block.bytes() >= bytes);
            let lent = bytes_of(&mut block);
            assert!(lent.iter().all(|&byte| byte == 0));
            lent.fill(0xFF);
        }
    }
}

#[test]
fn what_was_given_back_is_zeros_again() {
    for segment in segments() {
        for _ in 0..3 {
            let mut block = segment.allocate(1000).unwrap();
            assert!(bytes_of(&mut block).iter().all(|&byte| byte == 0));
            bytes_of(&mut block).fill(7);
        }
    }
}

#[test]
fn a_file_grows_by_extents_and_moves_no_block() {
    let segment = Segment::memory_file(4 * EXTENT_BYTES).unwrap();
    assert_eq!(backed(&segment), 0);
    let mut first = segment.allocate(128).unwrap();
    bytes_of(&mut first).fill(1);
    let place = first.start();
    assert_eq!(backed(&segment), EXTENT_BYTES);
    let mut second = segment.allocate(2 * EXTENT_BYTES).unwrap();
    bytes_of(&mut second).fill(2);
    assert_eq!(backed(&segment), 3 * EXTENT_BYTES);
    assert_eq!(first.start(), place);
    assert!(bytes_of(&mut first).iter().all(|&byte| byte == 1));
}

#[test]
fn past_what_is_reserved_a_file_says_so_and_goes_on() {
    let segment = Segment::memory_file(EXTENT_BYTES).unwrap();
    let most = segment.allocate(EXTENT_BYTES).unwrap();
    let refused = segment.allocate(1).unwrap_err();
    assert!(matches!(refused, SegmentError::Full(1, EXTENT_BYTES)));
    assert!(
        refused.to_string().contains("no room for 1 more"),
        "{refused}"
    );
    drop(most);
    assert!(segment.allocate(EXTENT_BYTES).is_ok());
}

#[test]
fn more_than_a_machine_has_is_an_error_that_says_how_much() {
    let refused = Segment::Heap.allocate(usize::MAX / 4).unwrap_err();
    assert!(matches!(refused, SegmentError::HeapExhausted(_)));
    assert!(
        refused.to_string().contains("take smaller queues"),
        "{refused}"
    );
    let refused = Segment::Heap.allocate(usize::MAX).unwrap_err();
    assert!(matches!(refused, SegmentError::HeapExhausted(usize::MAX)));
    let refused = Segment::memory_file(1 << 62).unwrap_err();
    assert!(matches!(refused, SegmentError::System("mmap", _)));
    assert!(
        refused.to_string().starts_with("mmap gave no memory"),
        "{refused}"
    );
    let refused = Segment::memory_file(usize::MAX).unwrap_err();
    assert!(matches!(refused, SegmentError::Full(usize::MAX, _)));
}

#[test]
fn a_block_outlives_its_segment() {
    for segment in segments() {
        let mut block = segment.allocate(256).unwrap();
        drop(segment);
        bytes_of(&mut block).fill(9);
        assert!(bytes_of(&mut block).iter().all(|&byte| byte == 9));
    }
}

#[derive(Clone, Debug)]
enum Step {
    Take(usize),
    GiveBack(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..5000_usize).prop_map(Step::Take),
        2 => (0..64_usize).prop_map(Step::GiveBack),
    ];
    proptest::collection::vec(step, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn blocks_never_overlap_and_what_is_given_back_is_used_again(steps in steps()) {
        let segment = Segment::memory_file(2 * EXTENT_BYTES).unwrap();
        let mut held: Vec<(Block, u8)> = vec![];
        for (number, step) in steps.iter().enumerate() {
            match *step {
                Step::Take(bytes) => {
                    let mut block = segment.allocate(bytes).unwrap();
                    let mark = u8::try_from(number).unwrap();
                    bytes_of(&mut block).fill(mark);
                    held.push((block, mark));
                }
                Step::GiveBack(index) if index < held.len() => drop(held.swap_remove(index)),
                Step::GiveBack(_) => {}
            }
            for (block, mark) in &mut held {
                prop_assert!(bytes_of(block).iter().all(|byte| byte == mark));
            }
        }
        held.clear();
        prop_assert!(segment.allocate(2 * EXTENT_BYTES).is_ok(), "the whole is free again");
    }
}
