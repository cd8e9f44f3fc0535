//! The program: everything is in the library, see [`portvakt::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    portvakt::cli::run()
}
