//! The program `licenceedit`: exit code 0 and what was done on standard output, or 1 and one line of error.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use licencecenter::cli;

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Ok(done) => {
            for note in &done.notes {
                say(&mut io::stderr(), &format!("licenceedit: note: {note}\n"));
            }
            say(&mut io::stdout(), &done.text);
            ExitCode::SUCCESS
        }
        Err(line) => {
            say(&mut io::stderr(), &format!("licenceedit: error: {line}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Writes and forgets: a reader that closed its pipe has seen what it wanted.
fn say(stream: &mut impl Write, text: &str) {
    let _ = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush());
}
