//! `./demo` as a person runs it: however it ends, no process and no file of it stays.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

/// What a run came to: its exit code and what it said.
struct Run {
    code: Option<i32>,
    said: String,
}

/// Runs the demo with a folder for temporary files of its own; `then` is called when a line has the words of
/// `at`. Fails the test if anything stays.
fn run(at: &str, then: impl Fn(&Child, &Path)) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Command::new("./demo")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut done = false;
    for line in BufReader::new(demo.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.contains(at) && !done {
            done = true;
            then(&demo, folder.path());
        }
        said += &line;
        said.push('\n');
    }
    let code = demo.wait().unwrap().code();
    assert!(done, "the demo did not come to '{at}':\n{said}");
    assert_eq!(processes(folder.path(), ""), [""; 0], "processes stay");
    let files: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    assert_eq!(files, [""; 0].map(Path::new), "files stay");
    Run { code, said }
}

/// The numbers of the processes that have this folder for temporary files and this in their command line.
fn processes(folder: &Path, program: &str) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let has = |file: std::path::PathBuf, text: &str| {
        // A process may end meanwhile.
        let bytes = fs::read(file).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(text)
    };
    fs::read_dir("/proc")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|process| {
            has(process.join("environ"), folder) && has(process.join("cmdline"), program)
        })
        .map(|process| process.file_name().unwrap().to_str().unwrap().to_owned())
        .collect()
}

fn kill(signal: &str, process: &str) {
    assert!(
        Command::new("kill")
            .args([signal, process])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn it_ends_well_and_leaves_nothing() {
    let run = run("it is the same, bit for bit", |_, _| {});
    assert_eq!(run.code, Some(0), "{}", run.said);
    for step in [
        "in use: 3 of 3",
        "its seat comes free by itself",
        "the fourth process has it now",
    ] {
        assert!(
            run.said.to_lowercase().contains(step),
            "{step}: {}",
            run.said
        );
    }
}

#[test]
fn ended_by_a_signal_it_leaves_nothing() {
    let run = run("is in the REST API", |demo, _| {
        kill("-TERM", &demo.id().to_string())
    });
    assert_eq!(run.code, Some(143), "{}", run.said);
}

#[test]
fn with_a_step_that_fails_it_says_so_and_leaves_nothing() {
    let run = run("is in the REST API", |_, folder| {
        for server in processes(folder, "licenceserver") {
            kill("-KILL", &server);
        }
    });
    assert!(run.code.is_some_and(|code| code != 0), "{}", run.said);
    assert!(!run.said.contains("] done"), "{}", run.said);
}
