//! The simulated host as a program of its own under a memory checker: no error, nothing lost.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{ffi::OsStr, fs, path::Path, process::Command};

use licence::{
    host::Value,
    process::Process,
    programs::{addin_library, host_program, process1c},
    scene::{Scene, session},
};

/// A program under the checker: it ends with 9 when anything is wrong.
fn checked(program: &Path, root: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command
        .args(["--quiet", "--error-exitcode=9", "--leak-check=full"])
        .args(["--errors-for-leak-kinds=definite,indirect"])
        .args(["--show-leak-kinds=definite,indirect", "--num-callers=30"])
        .arg(program)
        .env("LICENCE_ROOT", root)
        .env("HOME", root);
    command
}

/// Runs the host with these arguments after the library; what it said.
fn clean(arguments: &[&OsStr], root: &Path) -> String {
    let output = checked(host_program(), root)
        .arg(addin_library())
        .args(arguments)
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

#[test]
fn refusals_and_a_server_that_is_killed_under_a_seat_are_clean_under_valgrind() {
    let mut scene = Scene::new(1);
    let mut reserve = scene.beside();
    reserve.install_licence(1);
    reserve.start();
    let file = scene.root().join("object.bin");
    fs::write(&file, "x").unwrap();
    let datafile = scene.pack(&file, "Расчет");
    let mut process = Process::bare(&mut checked(&process1c(), scene.root()));
    process.load(&addin_library());
    let refused = |process: &mut Process, method: &str, arguments: &[Value]| {
        let told = process.call(method, arguments);
        assert!(told.code != 0, "{method} is refused");
    };
    // Too early, of no sense, to nobody.
    refused(&mut process, "Connect", &[]);
    refused(&mut process, "LoadDataFile", &[Value::Blob(vec![7; 5000])]);
    refused(&mut process, "SetSession", &["LF1.nonsense".into()]);
    scene.prepare(&mut process, &datafile, 1);
    let reserves = format!("127.0.0.1:{}", reserve.port());
    process.set("ServerPort", Value::Int(1));
    refused(&mut process, "Connect", &[]);
    process.set("ServerPort", Value::Int(scene.port().into()));
    process.set("ReservedServers", reserves.as_str().into());
    process.must("Connect", &[]);
    refused(&mut process, "GetObject", &["Расчет".into()]);
    process.must("ObtainLicence", &[]);
    refused(&mut process, "GetObject", &["нет такого".into()]);
    refused(
        &mut process,
        "GetObjectToFile",
        &["Расчет".into(), "/nonexistent/x".into()],
    );
    scene.kill_server();
    let opened = process.call("GetObject", &["Расчет".into()]);
    assert_eq!(
        opened.value,
        Some(Value::Blob(b"x".into())),
        "{}",
        opened.en
    );
    assert_eq!(process.text("CurrentServer"), reserves);
    process.must("ReleaseLicence", &[]);
    process.must("SetSession", &session(2));
    process.must("ObtainLicence", &[]);
    process.end();
    assert!(process.exit(), "valgrind found something");
    reserve.wait_for_sessions(0);
}
