//! A race made on purpose: `make tsan` trusts a clean run only after the sanitizer has reported this.

use std::cell::UnsafeCell;
use std::thread;

struct Shared(UnsafeCell<u64>);

// SAFETY: none; two threads write without any order between them, which is the point.
unsafe impl Sync for Shared {}

static SHARED: Shared = Shared(UnsafeCell::new(0));

#[inline(never)]
fn write(value: u64) {
    // SAFETY: none, see above; the file is compiled for the sanitizer only.
    unsafe { *SHARED.0.get() = value };
}

#[test]
fn two_writers_without_order_are_reported() {
    let writers = [1, 2].map(|value| thread::spawn(move || write(value)));
    for writer in writers {
        writer.join().expect("a writer panicked");
    }
}
