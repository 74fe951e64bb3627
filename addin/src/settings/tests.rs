//! The rules of licenceaddin.conf as a table of files and what comes out of them.

use std::{fs, path::Path};

use protocol::{KeyId, Reason};
use tempfile::TempDir;

use super::*;

const SERIES: KeyId = KeyId(0x672B);

struct Files {
    folder: TempDir,
}

impl Files {
    fn new(user: Option<&[u8]>, common: Option<&[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [("user", user), ("common", common)] {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            if let Some(content) = content {
                fs::write(path.join(FILE_NAME), content).unwrap();
            }
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name).join(FILE_NAME)
    }

    fn read(&self, code: &FromCode) -> Settings {
        let places = Places {
            user: Some(self.path("user")),
            common: self.path("common"),
        };
        Settings::read(&places, Some(SERIES), code)
    }

    fn read_as_server(&self) -> Settings {
        let places = Places {
            user: None,
            common: self.path("common"),
        };
        Settings::read(&places, Some(SERIES), &FromCode::default())
    }
}

fn servers(settings: &Settings) -> String {
    let texts: Vec<_> = settings.servers.iter().map(ToString::to_string).collect();
    texts.join(" ")
}

fn common(text: impl AsRef<[u8]>) -> Settings {
    Files::new(None, Some(text.as_ref())).read(&FromCode::default())
}

fn code(addr: &str, port: Option<u16>, reserved: &str) -> FromCode {
    FromCode {
        server_addr: addr.into(),
        server_port: port,
        reserved_servers: Address::parse_list(reserved).unwrap(),
    }
}

#[test]
fn files_give_these_servers() {
    let table: &[(&str, &str)] = &[
        ("", "localhost:9099"),
        ("[Common]\n", "localhost:9099"),
        ("[Common]\nServerAddr=SERVER2\n", "server2:9099"),
        ("[Common]\r\nServerAddr=S\r\nServerPort=81\r\n", "s:81"),
        ("\u{feff}[Common]\nServerAddr=s\n", "s:9099"),
        ("[common]\nSERVERADDR = s \n", "s:9099"),
        (
            "; заметка\n# note\n[Common]\n;ServerAddr=no\nServerAddr=s\n",
            "s:9099",
        ),
        ("[Common]\nServerAddr=\"s\"\n", "s:9099"),
        ("[Common]\nServerPort=9100\n", "localhost:9100"),
        ("[Common]\nServerAddr=s:5\nServerPort=6\n", "s:5"),
        ("[Common]\nServerAddr=s\nServerAddr=t\n", "t:9099"),
        ("[Common]\nServerAddr=s\n[Common]\nServerPort=7\n", "s:7"),
        (
            "[Common]\nServerAddr=s\nReservedServers=r,[::1]:5,10.0.0.1:6\n",
            "s:9099 r:9099 [::1]:5 10.0.0.1:6",
        ),
        ("[Common]\nServerAddr=[fe80::1]:5\n", "[fe80::1]:5"),
        ("[Common]\nServerAddr=s\nReservedServers=\n", "s:9099"),
        (
            "[Common]\nServerAddr=s\nUnknownKey=5\n[Unknown]\nServerAddr=x\n",
            "s:9099",
        ),
        ("[Common]\nServerAddr=s\n[672B]\nServerPort=5\n", "s:5"),
        (
            "[672B]\nServerAddr=own\n[Common]\nServerAddr=s\nServerPort=5\n",
            "own:5",
        ),
        (
            "[Common]\nServerAddr=s\n[672b]\nServerAddr=own\n",
            "own:9099",
        ),
        (
            "[Common]\nServerAddr=s\n[672В]\nServerAddr=own\n",
            "own:9099",
        ),
        (
            "[Common]\nServerAddr=s\n[1111]\nServerAddr=other\n",
            "s:9099",
        ),
        (
            "[672B]\nServerAddr=first\n[672В]\nServerAddr=later\n",
            "later:9099",
        ),
        (
            "[672В]\nServerAddr=first\n[672B]\nServerPort=5\n",
            "first:5",
        ),
        ("ServerAddr=outside\n[Common]\nServerAddr=s\n", "s:9099"),
    ];
    for (text, expected) in table {
        assert_eq!(servers(&common(text)), *expected, "{text}");
    }
}

#[test]
fn a_bad_value_is_named_with_file_and_line_and_its_default_is_used() {
    let table: &[(&str, usize, &str)] = &[
        ("[Common]\nServerAddr=s\nServerPort=abc\n", 3, "s:9099"),
        ("[Common]\n\nServerPort=0\n", 3, "localhost:9099"),
        ("[Common]\nServerPort=70000\n", 2, "localhost:9099"),
        ("[Common]\nServerAddr=a b\nServerPort=5\n", 2, "localhost:5"),
        (
            "[Common]\nServerAddr=s\nReservedServers=r,b:x\n",
            3,
            "s:9099",
        ),
        ("[Common]\nForceUseConfig=maybe\n", 2, "localhost:9099"),
        (
            "[Common]\nServerPort=5\n[672B]\nServerPort=x\n",
            4,
            "localhost:9099",
        ),
    ];
    for (text, line, expected) in table {
        let settings = common(text);
        assert_eq!(servers(&settings), *expected, "{text}");
        let [warning] = &settings.warnings[..] else {
            panic!("{text}: {:?}", settings.warnings)
        };
        assert_eq!(
            (warning.reason, warning.line),
            (Reason::ConfBadValue, *line),
            "{text}"
        );
        assert!(warning.path.ends_with("common/licenceaddin.conf"));
    }
}

#[test]
fn a_file_that_cannot_be_used_has_its_own_code_and_the_defaults_go_on() {
    let large = [b"[Common]\n".to_vec(), vec![b';'; MAX_FILE]].concat();
    let table: &[(&[u8], Reason, usize)] = &[
        (b"[Common\nServerAddr=s\n", Reason::ConfSyntax, 0),
        (b"[Common]\nno equals sign\n", Reason::ConfSyntax, 0),
        (b"[Common]\n=5\n", Reason::ConfSyntax, 0),
        (b"[Common]\nServerAddr=\xd1\xe5\n", Reason::ConfNotUtf8, 2),
        (b"\xff\xfe[\0C\0", Reason::ConfNotUtf8, 1),
        (&large, Reason::ConfTooLarge, 0),
    ];
    for (bytes, reason, line) in table {
        let settings = common(bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(30)]);
        assert_eq!(servers(&settings), "localhost:9099", "{shown}");
        assert_eq!(settings.source, Source::Defaults, "{shown}");
        assert_eq!(settings.warnings.len(), 1, "{shown}");
        assert_eq!(settings.warnings[0].reason, *reason, "{shown}");
        if *line > 0 {
            assert_eq!(settings.warnings[0].line, *line, "{shown}");
        }
    }
}

#[test]
fn a_folder_in_the_file_s_place_is_named_and_the_defaults_go_on() {
    let files = Files::new(None, None);
    fs::create_dir(files.path("common")).unwrap();
    let settings = files.read(&FromCode::default());
    assert_eq!(settings.warnings[0].reason, Reason::ConfNotAFile);
    assert_eq!(servers(&settings), "localhost:9099");
}

#[test]
fn a_client_takes_the_user_s_file_alone_and_a_server_the_common_one_alone() {
    let files = Files::new(
        Some(b"[Common]\nServerAddr=mine\n"),
        Some(b"[Common]\nServerAddr=all\nServerPort=5\n"),
    );
    let client = files.read(&FromCode::default());
    assert_eq!(servers(&client), "mine:9099");
    assert_eq!(client.source, Source::File(files.path("user")));
    assert!(client.warnings.is_empty());
    let server = files.read_as_server();
    assert_eq!(servers(&server), "all:5");
    assert_eq!(
        server.source.to_string(),
        files.path("common").display().to_string()
    );
}

#[test]
fn the_code_s_group_counts_whole_unless_the_file_forces_its_own() {
    let file = b"[Common]\nServerAddr=s\nServerPort=5\nReservedServers=r\n";
    let files = Files::new(None, Some(file));
    let whole = files.read(&code("c", None, "d:6"));
    assert_eq!(
        (servers(&whole).as_str(), &whole.source),
        ("c:9099 d:6", &Source::Code)
    );
    // Without ServerAddr the whole group is the file's.
    let part = files.read(&code("", Some(7), "d"));
    assert_eq!(servers(&part), "s:5 r:9099");

    let files = Files::new(None, Some(b"[Common]\nForceUseConfig=1\nServerAddr=s\n"));
    let forced = files.read(&code("c", Some(7), "d"));
    assert!(forced.forced);
    assert_eq!(servers(&forced), "s:9099");
    assert_eq!(forced.source, Source::File(files.path("common")));
}

#[test]
fn force_use_config_is_overridden_by_the_series_in_both_directions() {
    let on = common("[Common]\nForceUseConfig=0\n[672B]\nForceUseConfig=1\n");
    let off = common("[Common]\nForceUseConfig=1\n[672В]\nForceUseConfig=0\n");
    assert!(on.forced && !off.forced);
    let other = common("[Common]\nForceUseConfig=0\n[672C]\nForceUseConfig=1\n");
    assert!(!other.forced);
}

#[test]
fn forcing_with_missing_keys_forces_their_defaults() {
    let files = Files::new(None, Some(b"[Common]\nForceUseConfig=1\n"));
    let settings = files.read(&code("c", Some(1), "d"));
    assert_eq!(servers(&settings), "localhost:9099");
    assert!(matches!(settings.source, Source::File(_)));
}

#[test]
fn a_user_s_file_that_hides_a_forcing_common_one_is_worth_a_warning() {
    let files = Files::new(
        Some(b"[Common]\nServerAddr=mine\n"),
        Some(b"[Common]\nForceUseConfig=1\n"),
    );
    let settings = files.read(&FromCode::default());
    assert_eq!(settings.warnings.len(), 1);
    assert_eq!(settings.warnings[0].path, files.path("user"));
    assert_eq!(servers(&settings), "mine:9099");
}

#[test]
fn look_alike_and_repeated_sections_are_worth_a_warning_each() {
    let settings = common("[672B]\nServerAddr=a\n\n[672В]\nServerAddr=b\n");
    let lines: Vec<_> = settings
        .warnings
        .iter()
        .map(|warning| warning.line)
        .collect();
    assert_eq!(lines, [4, 4]);
    assert!(
        settings.warnings[0]
            .text(Language::Russian)
            .contains("кириллические")
    );
}

#[test]
fn a_changed_file_is_seen_at_the_next_reading() {
    let files = Files::new(None, Some(b"[Common]\nServerAddr=a\n"));
    assert_eq!(servers(&files.read(&FromCode::default())), "a:9099");
    fs::write(
        files.path("common"),
        "[Common]\nServerAddr=b\nKeepPreviousLogs=1\n",
    )
    .unwrap();
    let settings = files.read(&FromCode::default());
    assert_eq!(servers(&settings), "b:9099");
    assert!(settings.keep_previous_logs && !settings.keep_current_date_logs);
}

#[test]
fn no_file_at_all_gives_the_defaults_without_a_word() {
    let places = Places {
        user: Some(Path::new("/nonexistent/user.conf").into()),
        common: Path::new("/nonexistent/common.conf").into(),
    };
    let settings = Settings::read(&places, None, &FromCode::default());
    assert_eq!(servers(&settings), "localhost:9099");
    assert_eq!(settings.source, Source::Defaults);
    assert!(settings.warnings.is_empty() && settings.file.is_none());
}

#[test]
fn the_settings_as_json_say_where_they_come_from() {
    let json = common("[Common]\nServerAddr=s\nReservedServers=r\nServerPort=x\n")
        .to_json(Language::English);
    assert_eq!(json["ServerAddr"], "s");
    assert_eq!(json["ServerPort"], 9099);
    assert_eq!(json["ReservedServers"][0], "r:9099");
    assert_eq!(json["Warnings"][0]["Line"], 4);
    assert!(
        json["SettingsSource"]
            .as_str()
            .unwrap()
            .ends_with(FILE_NAME)
    );
}
