//! A histogram under real threads; also the program that `ThreadSanitizer` watches.
#![cfg(not(pydotcompute_loom))]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use _core::record::Histogram;

const HISTOGRAMS: usize = 500;
const SAMPLES: u64 = 400;
const WEIGHT: u32 = 2;

/// Many histograms one after the other, because each makes its table once.
#[test]
fn a_reader_beside_the_writer_never_misses_what_was_counted_and_never_sees_it_go_back() {
    let histograms: Vec<_> = (0..HISTOGRAMS).map(|_| Histogram::default()).collect();
    let histograms = Arc::new(histograms);
    let done = Arc::new(AtomicBool::new(false));
    let start = Arc::new(Barrier::new(2));
    let reader = {
        let (histograms, done) = (Arc::clone(&histograms), Arc::clone(&done));
        let start = Arc::clone(&start);
        thread::spawn(move || {
            start.wait();
            let mut seen = [0; HISTOGRAMS];
            while !done.load(Ordering::Acquire) {
                for (histogram, seen) in histograms.iter().zip(&mut seen) {
                    let shown = histogram.read();
                    assert!(shown.count() >= u64::from(WEIGHT) * shown.samples());
                    assert!(shown.count() >= *seen);
                    *seen = shown.count();
                }
            }
        })
    };
    start.wait();
    for histogram in histograms.iter() {
        for sample in 0..SAMPLES {
            histogram.record(sample * sample, WEIGHT);
        }
    }
    done.store(true, Ordering::Release);
    reader.join().unwrap();
    for histogram in histograms.iter() {
        assert_eq!(histogram.read().count(), SAMPLES * u64::from(WEIGHT));
    }
}
