//! Today's program starts over the files of earlier formats, and keeps keys, seats, settings and an administrator's own words.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

#[path = "support/api.rs"]
mod api;
#[path = "support/component.rs"]
#[expect(dead_code, reason = "other tests do more with a component")]
mod component;
#[path = "support/running.rs"]
mod running;
#[path = "support/shim.rs"]
mod shim;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use component::Component;
use protocol::{KeyId, wire::message::Answer, wire::message::Id};
use running::Running;

const SERIES: KeyId = KeyId(0x672B);
/// The store's moment.
const THEN: u64 = 1_800_000_000;

struct Place {
    root: tempfile::TempDir,
    shim: PathBuf,
}

impl Place {
    fn new(store: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let shim = shim::shim(root.path(), "clock");
        let place = Self { root, shim };
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        for (from, to) in [
            ("first/licenceserver.conf", "3.0/licenceserver.conf"),
            ("first/licence.series", "3.0/licence.series"),
            ("first/server.key", "data/server.key"),
            ("first/server.holder", "data/server.holder"),
            ("first/672B.7.licence", "data/672B.7.licence"),
            (store, "data/server.db"),
        ] {
            let to = place.file(to);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(fixtures.join(from), to).unwrap();
        }
        place
    }

    fn file(&self, name: &str) -> PathBuf {
        self.root.path().join("var/1C/licence").join(name)
    }

    fn start(&self) -> Running {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        let offset = THEN.cast_signed() - now.as_secs().cast_signed();
        Running::start(
            Command::new(env!("CARGO_BIN_EXE_licenceserver"))
                .arg("run")
                .env("LICENCE_ROOT", self.root.path())
                .env("LICENCE_MACHINE_ID", "test-machine")
                .env("LD_PRELOAD", &self.shim)
                .env("CLOCK_OFFSET", offset.to_string()),
        )
    }
}

/// The file's lines without the password's, which is replaced by its hash.
fn lines(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| !line.starts_with("Password="))
        .collect()
}

#[test]
fn files_of_the_first_formats_are_carried_over() {
    carried_over("server-1.db", "Иванов2");
}

/// Today's schema: a later one finds it here.
#[test]
fn a_store_of_the_second_schema_is_carried_over() {
    carried_over("server-2.db", "User 2");
}

fn carried_over(store: &str, user: &str) {
    let place = Place::new(store);
    let conf = place.file("3.0/licenceserver.conf");
    let before = fs::read_to_string(&conf).unwrap();
    let key = fs::read(place.file("data/server.key")).unwrap();
    // The second time the store is of today's schema.
    for _ in 0..2 {
        let server = place.start();

        let licences = server.get("/api/licences");
        let licence = &licences["Licences"][0];
        assert_eq!(licence["KeyNo"], 7, "{licences}");
        assert_eq!(licence["Workable"], true, "{licences}");
        assert_eq!(licence["LicenceCount"], 5, "{licences}");

        let sessions = server.get("/api/sessions");
        let users: Vec<_> = sessions["Sessions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|session| session["UserName"].as_str().unwrap())
            .collect();
        assert_eq!(users.len(), 3, "{sessions}");
        assert!(users.contains(&user), "{sessions}");

        // Changed settings, comments and unknown keys: all but the password is as it was, line by line. Between them came, as
        // comments, the settings that this version has and the file had not.
        let after = fs::read_to_string(&conf).unwrap();
        let mut old = lines(&before).into_iter().peekable();
        let added: Vec<&str> = lines(&after)
            .into_iter()
            .filter(|line| old.next_if_eq(line).is_none())
            .collect();
        assert_eq!(old.next(), None, "{after}");
        for line in &added {
            let comment = line.is_empty() || line.starts_with([';', '[']);
            assert!(comment, "{line}\n{after}");
        }
        for line in [
            ";GraceSeconds=300",
            "[Journal]",
            ";KeepDays=90",
            ";Pkcs11Module=",
        ] {
            let times = added.iter().filter(|found| **found == line).count();
            assert_eq!(times, 1, "{line}\n{after}");
        }
        assert!(after.contains("Password=$argon2id$"), "{after}");
        assert_eq!(fs::read(place.file("data/server.key")).unwrap(), key);
        drop(server);
    }

    // The two free seats are there for new users, and no third.
    let server = place.start();
    let mut component = Component::connect(server.port, SERIES, 1, Id([1; 16])).unwrap();
    for (number, granted) in [(11, true), (12, true), (13, false)] {
        let answer = component
            .acquire(Id(protocol::random_bytes()), number)
            .unwrap();
        assert_eq!(
            matches!(answer, Answer::Granted(_)),
            granted,
            "{number}: {answer:?}"
        );
    }
}
