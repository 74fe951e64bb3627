//! licenceaddin.conf as a whole: the real library in a process of its own, files of all kinds in both places.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::Command,
};

use licence::{
    host::Value,
    process::Process,
    programs::addin_library,
    room::{Room, logs, touch},
};

/// A user that has no rights and no entry in the list of users.
const STRANGER: u32 = 61_234;

fn room() -> Room {
    Room::new()
}

/// What a client process takes from a file in the common place.
fn settings(room: &Room) -> serde_json::Value {
    room.process("1cv8c").settings()
}

#[test]
fn a_change_of_the_file_is_seen_at_the_next_connect() {
    let room = room();
    let mut process = room.process("1cv8c");
    touch(&mut process);
    assert_eq!(process.text("SettingsSource"), "Defaults");
    assert_eq!(process.text("ServerAddr"), "localhost");

    let common = room.conf(&room.common(), "[Common]\nServerAddr=first\n");
    touch(&mut process);
    assert_eq!(process.text("ServerAddr"), "first");
    assert_eq!(process.text("SettingsSource"), common.display().to_string());

    let user = room.conf(
        &room.user(),
        "[672B]\nServerAddr=[::1]:5\nReservedServers=[fe80::1],r:6\n",
    );
    touch(&mut process);
    assert_eq!(process.text("ServerAddr"), "::1");
    assert_eq!(process.settings()["ServerPort"], 5);
    assert_eq!(
        process.settings()["ReservedServers"],
        serde_json::json!(["[fe80::1]:9099", "r:6"])
    );
    assert_eq!(process.text("SettingsSource"), user.display().to_string());

    fs::remove_file(&user).unwrap();
    fs::remove_file(&common).unwrap();
    touch(&mut process);
    assert_eq!(process.text("SettingsSource"), "Defaults");
}

#[test]
fn the_code_s_servers_count_until_the_file_forces_its_own_and_setting_them_still_succeeds() {
    let room = room();
    let mut process = room.process("1cv8c");
    room.conf(&room.common(), "[Common]\nServerAddr=of-file\n");
    process.set("ServerAddr", "of-code".into());
    process.set("ServerPort", Value::Int(5));
    process.set("ReservedServers", "r:6".into());
    touch(&mut process);
    assert_eq!(process.text("SettingsSource"), "Code");
    let told = process.settings();
    assert_eq!(
        (&told["ServerAddr"], &told["ServerPort"]),
        (&"of-code".into(), &5.into())
    );

    // Missing keys of a forced group are defaults, not the code's.
    let file = room.conf(
        &room.common(),
        "[Common]\nForceUseConfig=1\nServerAddr=of-file\n",
    );
    touch(&mut process);
    process.set("ServerAddr", "of-code-again".into());
    assert_eq!(process.text("ServerAddr"), "of-file");
    assert_eq!(process.text("ReservedServers"), "");
    let told = process.settings();
    assert_eq!(
        (
            &told["ServerAddr"],
            &told["ServerPort"],
            &told["ForceUseConfig"]
        ),
        (&"of-file".into(), &9099.into(), &true.into())
    );
    assert_eq!(process.text("SettingsSource"), file.display().to_string());
}

#[test]
fn a_bad_value_stands_in_the_log_with_file_and_line_and_its_default_is_used() {
    let room = room();
    let file = room.conf(
        &room.common(),
        "\u{feff}; заметка\r\n[Common]\r\nServerAddr=s\r\nServerPort=70000\r\nНеизвестный=1\r\n",
    );
    let mut process = room.process("1cv8c");
    touch(&mut process);
    let told = process.settings();
    assert_eq!(
        (&told["ServerAddr"], &told["ServerPort"]),
        (&"s".into(), &9099.into())
    );
    let logs = logs(&room.user());
    let log = &logs[0].1;
    let line: Vec<_> = log
        .lines()
        .filter(|line| line.contains("ServerPort=70000"))
        .collect();
    assert_eq!(line.len(), 1, "{log}");
    assert!(line[0].contains(&file.display().to_string()), "{log}");
    assert!(line[0].contains("line 4"), "{log}");
    assert!(line[0].contains("WARN"), "{log}");
}

#[test]
fn cyrillic_look_alikes_in_a_series_name_are_read_as_latin_letters() {
    // А В С Е, small and capital, against A B C E.
    for (section, key) in [("672В", "672B"), ("аВсЕ", "ABCE"), ("АВСе", "abce")] {
        let room = room();
        room.conf(&room.common(), format!("[{section}]\nServerAddr=own\n"));
        let mut process = room.process("1cv8c");
        process.set("KeyID", key.into());
        let told = process.settings();
        assert_eq!(told["ServerAddr"], "own", "{section}");
        assert_eq!(told["Warnings"].as_array().unwrap().len(), 1, "{section}");
    }
}

#[test]
fn a_folder_a_pipe_and_a_device_in_the_file_s_place_are_named_and_the_defaults_go_on() {
    let room = room();
    let file = room.common().join("licenceaddin.conf");
    let made: [&dyn Fn(); 3] = [
        &|| fs::create_dir(&file).unwrap(),
        &|| {
            let made = Command::new("mkfifo").arg(&file).status();
            assert!(made.unwrap().success());
        },
        &|| std::os::unix::fs::symlink("/dev/zero", &file).unwrap(),
    ];
    for make in made {
        make();
        let told = settings(&room);
        assert_eq!(told["Warnings"][0]["Code"], 116, "{told}");
        assert_eq!(told["ServerAddr"], "localhost");
        if file.is_dir() {
            fs::remove_dir(&file).unwrap();
        } else {
            fs::remove_file(&file).unwrap();
        }
    }
}

/// The most memory that a process had so far, in KiB.
fn peak(process: &Process) -> i64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn a_file_of_fifty_megabytes_is_refused_without_being_read() {
    let room = room();
    let mut text = b"[Common]\nServerAddr=s\n".to_vec();
    text.resize(50 * 1024 * 1024, b';');
    room.conf(&room.common(), &text);
    let mut process = room.process("1cv8c");
    let before = peak(&process);
    let told = process.settings();
    let grown = peak(&process) - before;
    assert!(
        grown < 10 * 1024,
        "{grown} KiB more for a file that is refused"
    );
    assert_eq!(told["Warnings"][0]["Code"], 115, "{told}");
    assert_eq!(told["ServerAddr"], "localhost");
}

/// Lets a process without rights run here, and read what it must.
fn as_stranger(room: &Room, command: &mut Command) {
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    open(room.root());
    assert_eq!(
        fs::metadata("/proc/self").unwrap().uid(),
        0,
        "this test becomes another user, and only root can"
    );
    command.uid(STRANGER).gid(STRANGER);
}

/// The library where the stranger may read it.
fn copied(room: &Room) -> std::path::PathBuf {
    let copy = room.root().join("bin/licenceaddin.so");
    fs::copy(addin_library(), &copy).unwrap();
    copy
}

#[test]
fn a_file_that_may_not_be_read_is_named_and_the_defaults_go_on() {
    let room = room();
    let file = room.conf(&room.common(), "[Common]\nServerAddr=s\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = room.command("1cv8c");
    as_stranger(&room, &mut command);
    let mut process = Process::bare(&mut command);
    process.load(&copied(&room));
    let told = process.settings();
    assert_eq!(told["Warnings"][0]["Code"], 111, "{told}");
    assert_eq!(told["ServerAddr"], "localhost");
}

#[test]
fn without_a_home_the_common_file_counts_and_nothing_fails() {
    let room = room();
    room.conf(&room.common(), "[Common]\nServerAddr=of-all\n");
    let mut command = room.command("1cv8c");
    as_stranger(&room, &mut command);
    command.env_remove("HOME");
    let mut process = Process::bare(&mut command);
    process.load(&copied(&room));
    touch(&mut process);
    let told = process.settings();
    assert_eq!(told["ServerAddr"], "of-all", "{told}");
    let folder = room.common().join("logs").display().to_string();
    assert_eq!(told["Logs"], folder.as_str());
    // It may not write there, and works all the same.
    assert_eq!(logs(&room.common()).len(), 0);
    assert!(process.exit());

    // With the right to write there it does.
    chown(room.common(), Some(STRANGER), None).unwrap();
    let mut process = Process::bare(&mut command);
    process.load(&copied(&room));
    touch(&mut process);
    assert_eq!(logs(&room.common()).len(), 1);
}

#[test]
fn a_home_that_is_no_folder_is_no_trouble() {
    let room = room();
    for home in ["relative/home", "", "/proc/nowhere", "/dev/null/x"] {
        let mut process = Process::bare(room.command("1cv8c").env("HOME", home));
        process.load(&addin_library());
        touch(&mut process);
        assert_eq!(process.settings()["ServerAddr"], "localhost", "{home}");
        assert!(process.exit(), "{home}");
    }
}
