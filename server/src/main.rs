//! The program `licenceserver`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(licenceserver::cli::main(std::env::args_os()))
}
