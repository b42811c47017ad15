//! Every interleaving and every allowed reordering of a histogram's writer and its reader. Under
//! loom one sample is kept by itself, and the second makes a table of three buckets.
#![cfg(pydotcompute_loom)]

use _core::record::{Distribution, Histogram, Latencies, LatencyRecord};
use loom::sync::Arc;
use loom::thread;

/// Value and weight, in the order of recording: one by itself, two in the table.
const RECORDED: [(u64, u32); 3] = [(1, 4), (2, 2), (1, 1)];

/// What the first samples add up to.
fn weight_of(samples: u64) -> u64 {
    let recorded = RECORDED.iter().take(usize::try_from(samples).unwrap());
    recorded.map(|&(_, weight)| u64::from(weight)).sum()
}

fn writing(histogram: &Arc<Histogram>) -> thread::JoinHandle<()> {
    let histogram = Arc::clone(histogram);
    thread::spawn(move || {
        for (value_ns, weight) in RECORDED {
            histogram.record(value_ns, weight);
        }
    })
}

/// No sample is shown whose weight is missing, and nothing is shown twice.
fn assert_whole(shown: &Distribution) {
    let count = shown.count();
    assert!(count >= weight_of(shown.samples()), "{shown:?}");
    assert!(count <= weight_of(3), "{shown:?}");
    assert_eq!(shown.summary().is_none(), count == 0);
}

#[test]
fn a_reader_beside_the_first_samples_and_the_table_sees_each_of_them_once() {
    loom::model(|| {
        let histogram = Arc::new(Histogram::default());
        let writer = writing(&histogram);
        assert_whole(&histogram.read());
        writer.join().unwrap();
        let after = histogram.read();
        assert_eq!(after.buckets(), [(0, 5), (1, 2)]);
        assert_eq!((after.samples(), after.sum_ns()), (3, 9));
    });
}

#[test]
fn what_a_reader_saw_never_goes_back() {
    loom::model(|| {
        let histogram = Arc::new(Histogram::default());
        let writer = writing(&histogram);
        let first = histogram.read();
        let second = histogram.read();
        assert_whole(&second);
        assert!(second.samples() >= first.samples());
        assert!(second.sum_ns() >= first.sum_ns());
        for &(bucket, weight) in first.buckets() {
            let later = second.buckets().iter().find(|later| later.0 == bucket);
            assert!(
                later.is_some_and(|later| later.1 >= weight),
                "{first:?} {second:?}"
            );
        }
        writer.join().unwrap();
    });
}

#[test]
fn whoever_sees_a_service_sees_the_wait_before_it() {
    loom::model(|| {
        let record = Arc::new(LatencyRecord::default());
        let writer = {
            let record = Arc::clone(&record);
            thread::spawn(move || {
                record.queue_wait.record(1, 1);
                record.service.record(2, 1);
            })
        };
        let shown = Latencies::read(&record);
        assert!(shown.service.samples() <= shown.queue_wait.count());
        writer.join().unwrap();
    });
}
