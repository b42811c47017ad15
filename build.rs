//! Refuses to build the extension for an interpreter in which it would be unsound.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "python")]
    refuse_free_threaded();
}

/// Queues of Python objects are guarded by the interpreter lock alone. Such an interpreter would
/// switch the lock on again at import, with a warning, unless it was told not to (`PYTHON_GIL=0`).
#[cfg(feature = "python")]
fn refuse_free_threaded() {
    if pyo3_build_config::get().is_free_threaded() {
        println!(
            "cargo::error=pydotcompute needs CPython's interpreter lock and is not built for a \
             free-threaded CPython: build with the usual one"
        );
    }
}
