//! Where the component finds itself, by the names of processes and the word of the platform: which configuration
//! file counts there, and where its log goes.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{path::Path, process::Command};

use licence::{
    process::Process,
    programs::addin_library,
    room::{Room, copy_program, logs, touch},
};

/// Numbers of the platform's programs, as it tells them.
const UNKNOWN: i32 = -1;
const THIN: i32 = 0;
const THICK: i32 = 1;
const SERVER: i32 = 3;
const EXTERNAL: i32 = 4;

fn room() -> Room {
    let room = Room::new();
    room.conf(&room.user(), "[Common]\nServerAddr=of-the-user\n");
    room.conf(&room.common(), "[Common]\nServerAddr=of-all\n");
    room
}

/// Checks what a process that has the component loaded says and does.
fn check(room: &Room, process: &mut Process, kind: &str, case: &str) {
    touch(process);
    let settings = process.settings();
    assert_eq!(settings["Process"], kind, "{case}");
    let user_counts = matches!(kind, "Client" | "ExternalConnection");
    let (server, file) = if user_counts {
        ("of-the-user", room.user())
    } else {
        ("of-all", room.common())
    };
    assert_eq!(settings["ServerAddr"], server, "{case}");
    let file = file.join("licenceaddin.conf").display().to_string();
    assert_eq!(settings["ConfigFile"], file.as_str(), "{case}");
    assert_eq!(process.text("SettingsSource"), file, "{case}");
    let (with, without) = if kind == "WebServer" {
        (room.common(), room.user())
    } else {
        (room.user(), room.common())
    };
    assert_eq!(logs(&with).len(), 1, "{case}");
    assert_eq!(logs(&without).len(), 0, "{case}");
    let folder = with.join("logs").display().to_string();
    assert_eq!(settings["Logs"], folder.as_str(), "{case}");
}

#[test]
fn the_process_s_name_or_the_platform_s_word_decides_settings_and_logs() {
    for (name, application, kind) in [
        ("1cv8", THICK, "Client"),
        ("1cv8c", THIN, "Client"),
        // In a file infobase the client itself runs the server's code.
        ("1cv8c", SERVER, "Client"),
        ("rphost", SERVER, "Server"),
        ("rphost", UNKNOWN, "Server"),
        ("ibsrv", UNKNOWN, "Server"),
        ("apache2", SERVER, "WebServer"),
        ("httpd", UNKNOWN, "WebServer"),
        ("w3wp.exe", UNKNOWN, "WebServer"),
        ("python3", EXTERNAL, "ExternalConnection"),
        ("somehost", SERVER, "Server"),
        ("somehost", THIN, "Client"),
        ("somehost", UNKNOWN, "Client"),
    ] {
        let room = room();
        let mut process = Process::bare(&mut room.command(name));
        process.capabilities(3);
        process.platform("8.3.25.1286", application);
        process.load(&addin_library());
        check(&room, &mut process, kind, &format!("{name} {application}"));
        assert!(process.exit());
    }
}

#[test]
fn a_host_of_isolated_add_ins_is_what_started_it() {
    for (parent, application, kind) in [
        ("rphost", UNKNOWN, "Server"),
        ("1cv8c", UNKNOWN, "Client"),
        ("1cv8c", SERVER, "Client"),
        ("apache2", UNKNOWN, "WebServer"),
        ("starter", SERVER, "Server"),
    ] {
        let room = room();
        let shell = room.root().join("bin").join(parent);
        copy_program(Path::new("/bin/bash"), &shell);
        // It stays the parent: what follows the program keeps the shell from becoming it.
        let mut command = Command::new(&shell);
        room.dress(&mut command);
        command
            .arg("-c")
            .arg("\"$0\"; status=$?; exit $status")
            .arg(room.program("isolated-host"));
        let mut process = Process::bare(&mut command);
        process.capabilities(3);
        process.platform("8.3.25.1286", application);
        process.load(&addin_library());
        check(&room, &mut process, kind, parent);
        assert!(process.exit());
    }
}

#[test]
fn a_platform_that_tells_nothing_of_itself_is_judged_by_the_name_alone() {
    for (name, kind) in [("rphost", "Server"), ("1cv8", "Client"), ("tool", "Client")] {
        let room = room();
        // Neither capabilities nor an interface: an old platform.
        let mut process = room.process(name);
        check(&room, &mut process, kind, name);
    }
}
