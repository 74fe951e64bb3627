//! The component's logs, by the real library in processes of its own: which stay, what is never in them, and that a log
//! which cannot be written disturbs nobody.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{fs, process::Command};

use licence::{
    process::Process,
    programs::addin_library,
    room::{Room, logs, touch},
};

/// No process has this number: the kernel's limit is far below.
const GONE: u32 = u32::MAX - 7;

fn room() -> Room {
    Room::new()
}

fn names(room: &Room) -> Vec<String> {
    logs(&room.user())
        .into_iter()
        .map(|(name, _)| name)
        .collect()
}

fn old_log(room: &Room, date: &str) -> String {
    let name = format!("licenceaddin.{date}-101112.{GONE}.liblicenceaddin.log");
    fs::create_dir_all(room.user().join("logs")).unwrap();
    fs::write(room.user().join("logs").join(&name), "old\n").unwrap();
    name
}

#[test]
fn a_log_is_named_for_its_start_its_process_and_its_module() {
    let room = room();
    let mut process = room.process("1cv8c");
    touch(&mut process);
    touch(&mut process);
    let logs = logs(&room.user());
    let [(name, text)] = &logs[..] else {
        panic!("one process, one log: {logs:?}");
    };
    let parts: Vec<_> = name.split('.').collect();
    let ["licenceaddin", stamp, pid, module, "log"] = parts[..] else {
        panic!("{name}");
    };
    assert_eq!(pid, process.pid().to_string());
    assert_eq!(module, "liblicenceaddin");
    let (date, time) = stamp.split_once('-').unwrap();
    assert!(date.len() == 8 && time.len() == 6);
    assert!(
        (date.to_owned() + time)
            .bytes()
            .all(|byte| byte.is_ascii_digit())
    );
    // The first line says what a helper asks first.
    let first = text.lines().next().unwrap();
    for told in [&process.text("Version"), pid, "1cv8c"] {
        assert!(first.contains(told), "{first}");
    }
}

#[test]
fn logs_of_earlier_runs_go_at_the_next_start_and_those_of_running_processes_stay() {
    let room = room();
    let old = old_log(&room, "20200101");
    let mut first = room.process("1cv8c");
    touch(&mut first);
    assert!(!names(&room).contains(&old));
    let mut second = room.process("1cv8c");
    touch(&mut second);
    assert_eq!(names(&room).len(), 2);
    assert!(first.exit());
    // The second runs on, so only the first one's goes.
    let mut third = room.process("1cv8c");
    touch(&mut third);
    let left = names(&room);
    assert_eq!(left.len(), 2, "{left:?}");
    for process in [&second, &third] {
        let pid = format!(".{}.", process.pid());
        assert!(left.iter().any(|name| name.contains(&pid)), "{left:?}");
    }
}

#[test]
fn keep_previous_logs_keeps_them_all_and_keep_current_date_logs_those_of_today() {
    let today = String::from_utf8(
        Command::new("date")
            .args(["-u", "+%Y%m%d"])
            .output()
            .unwrap()
            .stdout,
    )
    .unwrap();
    let table = [
        ("KeepPreviousLogs=1\n", true, true),
        ("KeepCurrentDateLogs=1\n", false, true),
        ("KeepPreviousLogs=0\nKeepCurrentDateLogs=0\n", false, false),
        ("KeepPreviousLogs=perhaps\n", false, false),
    ];
    for (conf, keeps_old, keeps_today) in table {
        let room = room();
        let (old, new) = (old_log(&room, "20200101"), old_log(&room, today.trim()));
        room.conf(&room.user(), format!("[Common]\n{conf}"));
        let mut process = room.process("1cv8c");
        touch(&mut process);
        let left = names(&room);
        assert_eq!(left.contains(&old), keeps_old, "{conf}");
        assert_eq!(left.contains(&new), keeps_today, "{conf}");
    }
}

#[test]
fn files_of_others_in_the_folder_are_never_touched() {
    let room = room();
    let folder = room.user().join("logs");
    fs::create_dir_all(&folder).unwrap();
    let others = [
        format!("licenceserver.20200101-000000.{GONE}.log"),
        format!("licenceaddin.{GONE}.log"),
        format!("licenceaddin.20200101-000000.{GONE}.m.log.bak"),
        "notes.txt".to_owned(),
    ];
    for name in &others {
        fs::write(folder.join(name), "theirs").unwrap();
    }
    let linked = room.root().join("precious");
    fs::write(&linked, "theirs").unwrap();
    let link = folder.join(format!("licenceaddin.20200101-000000.{GONE}.link.log"));
    std::os::unix::fs::symlink(&linked, &link).unwrap();
    let mut process = room.process("1cv8c");
    touch(&mut process);
    for name in &others {
        assert_eq!(fs::read_to_string(folder.join(name)).unwrap(), "theirs");
    }
    assert!(link.is_symlink() && linked.exists());
}

#[test]
fn no_secret_and_no_line_break_from_outside_gets_into_a_log() {
    let room = room();
    let secret = "Access-4711-secret";
    room.conf(
        &room.user(),
        // A line separator and an escape sequence inside a value.
        "[Common]\nServerPort=1\u{2028}FORGED\u{1b}[31m line\nReservedServers=a b\n",
    );
    let mut process = room.process("1cv8c");
    process.set("AccessCode", secret.into());
    process.try_set("ServerAddr", &"one\u{2028}FORGED".into());
    process.set("KeyID", "672B".into());
    process.call("Connect", &[]);
    process.call("LoadDataFile", &["/no/such\u{85}FORGED".into()]);
    let (_, text) = &logs(&room.user())[0];
    assert!(!text.contains(secret), "{text}");
    assert!(text.contains("FORGED"), "the value is named: {text}");
    for line in text.split(['\n', '\u{2028}', '\u{2029}', '\u{85}', '\r']) {
        assert!(
            line.is_empty() || line.starts_with(|letter: char| letter.is_ascii_digit()),
            "not a line of the log's own: {line:?} in {text}"
        );
    }
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn a_folder_that_cannot_be_written_disturbs_nobody() {
    for block in [
        // A file where the folder should be.
        &(|room: &Room| fs::write(room.user().join("logs"), "in the way").unwrap())
            as &dyn Fn(&Room),
        // The user's whole place is a file.
        &|room: &Room| {
            fs::remove_dir_all(room.user()).unwrap();
            fs::write(room.user(), "in the way").unwrap();
        },
    ] {
        let room = room();
        block(&room);
        let mut process = room.process("1cv8c");
        touch(&mut process);
        touch(&mut process);
        process.end();
        assert!(process.exit());
    }
}

#[test]
fn a_full_disk_loses_lines_and_nothing_else() {
    let room = room();
    let folder = room.user().join("logs");
    fs::create_dir_all(&folder).unwrap();
    let program = room.program("1cv8c");
    // A disk of its own, in a namespace of its own, with no byte left.
    let script = format!(
        "mount -t tmpfs -o size=64k tmpfs '{folder}' && {{ cat /dev/zero >'{folder}/filler' 2>/dev/null; true; }} && exec '{program}'",
        folder = folder.display(),
        program = program.display()
    );
    let mut command = Command::new("unshare");
    room.dress(&mut command);
    command.args(["--map-root-user", "--mount", "sh", "-c", &script]);
    let mut process = Process::bare(&mut command);
    process.load(&addin_library());
    for _ in 0..20 {
        touch(&mut process);
    }
    let inside = fs::read_dir(format!("/proc/{}/root{}", process.pid(), folder.display()));
    let sizes: Vec<_> = inside
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != "filler")
        .map(|entry| entry.metadata().unwrap().len())
        .collect();
    assert_eq!(sizes, [0], "the disk was full: the log is there and empty");
    process.end();
    assert!(process.exit());
}
