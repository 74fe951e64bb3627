//! The simulated host as a program of its own under a memory checker: no error, nothing lost.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{ffi::OsStr, fs, process::Command};

use licence::{
    programs::{addin_library, host_program},
    scene::Scene,
};

/// Runs the host with these arguments after the library; what it said.
fn clean(arguments: &[&OsStr], root: &std::path::Path) -> String {
    let output = Command::new("valgrind")
        .args(["--quiet", "--error-exitcode=9", "--leak-check=full"])
        .args(["--errors-for-leak-kinds=definite,indirect"])
        .args(["--show-leak-kinds=definite,indirect", "--num-callers=30"])
        .arg(host_program())
        .arg(addin_library())
        .args(arguments)
        .env("LICENCE_ROOT", root)
        .env("HOME", root)
        .output()
        .expect("valgrind runs; install it: apt-get install valgrind");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}:\n{text}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_whole_life_of_the_component_is_clean_under_valgrind() {
    let root = tempfile::tempdir().unwrap();
    let said = clean(&[], root.path());
    assert!(said.contains("ended on four threads"), "{said}");
}

#[test]
fn sessions_with_a_server_are_clean_under_valgrind_and_leave_no_seat() {
    // Done waits for no server, so the next session may come before the seat of the one before is free.
    let scene = Scene::new(3);
    let content: Vec<u8> = (0..200_000_u32).map(|at| (at / 7) as u8).collect();
    let file = scene.root().join("object.bin");
    fs::write(&file, &content).unwrap();
    let datafile = scene.pack(&file, "object");
    let port = scene.port().to_string();
    let said = clean(
        &[port.as_ref(), datafile.as_ref(), "object".as_ref()],
        scene.root(),
    );
    assert!(said.contains("worked in three sessions"), "{said}");
    let mut out = datafile.into_os_string();
    out.push(".out");
    assert_eq!(fs::read(out).unwrap(), content);
    scene.wait_for_sessions(0);
}
