//! The same work on all cores at once.

use std::sync::Barrier;
use std::time::{Duration, Instant};

/// How long it takes every thread to do it `count` times, the slowest of them. `work` makes what one
/// thread repeats.
pub(crate) fn on_all_cores<W: FnMut()>(count: u64, work: impl Fn(usize) -> W + Sync) -> Duration {
    let threads = std::thread::available_parallelism()
        .map_or(2, usize::from)
        .max(2);
    let start = Barrier::new(threads);
    let repeat = |thread: usize| {
        let mut work = work(thread);
        start.wait();
        let began = Instant::now();
        (0..count).for_each(|_| work());
        began.elapsed()
    };
    std::thread::scope(|scope| {
        let repeat = &repeat;
        let threads: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || repeat(thread)))
            .collect();
        let took = threads.into_iter().map(|thread| thread.join().unwrap());
        took.max().unwrap()
    })
}
