//! Every interleaving and every allowed reordering of a worker that changes something and one who
//! wants to be told.
#![cfg(pydotcompute_loom)]

use _core::worker::{News, Signal};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

#[test]
fn who_wants_to_be_told_and_looks_in_vain_is_told() {
    loom::model(|| {
        let shared = Arc::new((Signal::default(), AtomicU32::new(0)));
        let worker = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.1.store(1, Ordering::Relaxed);
                shared.0.take(News::Reply)
            })
        };
        shared.0.want(News::Reply);
        let is_seen = shared.1.load(Ordering::Relaxed) == 1;
        let is_told = worker.join().unwrap();
        assert!(is_seen || is_told);
    });
}

#[test]
fn of_two_changes_the_first_after_the_wish_is_told_and_the_second_is_not() {
    loom::model(|| {
        let shared = Arc::new(Signal::default());
        shared.want(News::Reply);
        let worker = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.take(News::Reply))
        };
        let mine = shared.take(News::Reply);
        assert!(mine != worker.join().unwrap());
    });
}

#[test]
fn other_news_leave_a_wish_where_it_is() {
    loom::model(|| {
        let shared = Arc::new(Signal::default());
        shared.want(News::Rest);
        let worker = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.take(News::Room))
        };
        shared.want(News::Reply);
        assert!(!worker.join().unwrap());
        assert!(shared.take(News::Rest) && shared.take(News::Reply));
    });
}
