//! The program `licencecenter`: exit code 0 and what was done on standard output, or 1 and one line of error.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use licencecenter::centre::cli::{self, Said};

fn main() -> ExitCode {
    let (mut stream, text, code): (Box<dyn Write>, String, ExitCode) =
        match cli::run(std::env::args_os()) {
            Said::Done(text) => (Box::new(io::stdout()), text, ExitCode::SUCCESS),
            Said::Failed(line) => (
                Box::new(io::stderr()),
                format!("licencecenter: {}\n", line.replace(['\r', '\n'], " ")),
                ExitCode::FAILURE,
            ),
        };
    // Whoever closed the pipe has seen what he wanted.
    let _ = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush());
    code
}
