//! The program: everything is in the library, see [`portvakt::cli`].

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// The C library's would be a tenth of what a log-on costs: most of what it takes is freed by the
/// thread that its next packet comes to.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    portvakt::cli::run()
}
