//! The first page of the developer's guide, done: its commands are run as they stand there, and a component then takes a
//! seat and opens what they packed.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{
    env, fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

use licence::{
    host::Value,
    process::Process,
    programs::{addin_library, process1c, program},
    scene::session,
};

/// The shell commands of the page, in order.
fn commands() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/developer-guide.ru.md");
    let guide = fs::read_to_string(path).unwrap();
    let page = guide.split("\n## ").nth(1).unwrap();
    let blocks: Vec<_> = page
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert_eq!(blocks.len(), 4, "the page has four steps of commands");
    blocks.join("\n")
}

/// The shell and the server that it left in the background.
struct Shell(Child);

impl Drop for Shell {
    fn drop(&mut self) {
        // Its input is what it waits for at the end; the server goes with it.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn the_commands_of_the_first_page_lead_to_a_protected_object() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let content = "a data processor ".repeat(1000);
    fs::write(at("ЗащищенныйРасчет.epf"), &content).unwrap();
    fs::write(at("licenceaddin.zip"), b"PK\x03\x04").unwrap();
    std::os::unix::fs::symlink(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("1c-samples"),
        at("1c-samples"),
    )
    .unwrap();
    let programs = program("licenceedit").parent().unwrap().to_owned();
    assert_eq!(program("licenceserver").parent(), Some(&*programs));
    // The usual port may be taken here.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let conf = at("server/var/1C/licence/3.0/licenceserver.conf");
    fs::create_dir_all(conf.parent().unwrap()).unwrap();
    fs::write(
        &conf,
        format!("[Common]\nServerAddr=127.0.0.1\nServerPort={port}\n"),
    )
    .unwrap();
    let script = format!(
        "set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n{{\n{}\n}} >&2\necho done\nread -r _ || true\n",
        commands().replace("localhost:9099", &format!("127.0.0.1:{port}"))
    );
    let mut shell = Shell(
        Command::new("bash")
            .args(["-c", &script])
            .current_dir(folder.path())
            .env(
                "PATH",
                format!("{}:{}", programs.display(), env::var("PATH").unwrap()),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut said = String::new();
    let output = shell.0.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut said).unwrap();
    assert_eq!(said, "done\n", "a command of the page fails");

    let mut process = Process::bare(
        Command::new(process1c())
            .env("LICENCE_ROOT", folder.path().join("client"))
            .env("HOME", folder.path()),
    );
    process.load(&addin_library());
    process.set("ServerAddr", "127.0.0.1".into());
    process.set("ServerPort", Value::Int(port.into()));
    let out = at("opened.epf");
    let text = |path: &Path| Value::from(path.to_str().unwrap());
    process.must("LoadDataFile", &[text(&at("made/objects.datafile"))]);
    process.must("SetSession", &session(5));
    process.must("Connect", &[]);
    process.must("ObtainLicence", &[]);
    process.must("GetObjectToFile", &["ЗащищенныйРасчет".into(), text(&out)]);
    assert_eq!(fs::read_to_string(&out).unwrap(), content);
    assert!(process.exit());
}
