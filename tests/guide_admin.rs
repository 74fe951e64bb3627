//! The administrator's guides name every setting, command and refusal that there is, with their defaults, and no other.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use licence::programs;
use protocol::Reason;

const GUIDES: [&str; 2] = ["docs/admin-guide.ru.md", "docs/admin-guide.en.md"];

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// The cells of the table's rows that follow a mark, without their head.
fn table(text: &str, mark: &str) -> Vec<Vec<String>> {
    let (_, rest) = text.split_once(mark).unwrap_or_else(|| panic!("{mark}"));
    rest.trim_start()
        .lines()
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            line.trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect()
}

/// Section, key and value of each line of an ini file that is not a comment.
fn settings(ini: &str) -> BTreeMap<(String, String), String> {
    let mut section = String::new();
    let mut found = BTreeMap::new();
    for line in ini.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if let Some((key, value)) = line.split_once('=')
            && !line.starts_with(';')
        {
            found.insert((section.clone(), key.to_owned()), value.to_owned());
        }
    }
    found
}

#[test]
fn every_setting_of_the_server_is_in_the_guides_with_its_default_and_no_other() {
    let made = settings(&read("server/src/conf/default.conf"));
    assert!(made.len() > 20);
    for guide in GUIDES {
        let rows = table(&read(guide), "<!-- conf -->");
        let told: BTreeMap<_, _> = rows
            .iter()
            .map(|row| ((row[0].clone(), row[1].clone()), row[2].clone()))
            .collect();
        assert_eq!(told.len(), rows.len(), "{guide}: a setting is there twice");
        assert_eq!(told, made, "{guide}");
    }
}

#[test]
fn every_setting_of_the_component_is_in_the_guides_with_its_default_and_no_other() {
    let sample = settings(&read(
        "packaging/linux/licenceaddin/licenceaddin.conf.sample",
    ));
    let made: BTreeMap<_, _> = sample
        .into_iter()
        .map(|((_, key), value)| (key, value))
        .collect();
    for guide in GUIDES {
        let rows = table(&read(guide), "<!-- addin-conf -->");
        let told: BTreeMap<_, _> = rows
            .iter()
            .map(|row| (row[0].clone(), row[1].clone()))
            .collect();
        assert_eq!(told, made, "{guide}");
    }
}

#[test]
fn every_command_of_the_program_is_in_the_guides_and_no_other() {
    let help = Command::new(programs::program("licenceserver"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, commands) = help.split_once("Commands:").unwrap();
    let mut commands: Vec<String> = commands
        .lines()
        .skip(1)
        .take_while(|line| !line.trim().is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .map(|name| format!("`licenceserver {name}`"))
        .collect();
    commands.sort();
    assert!(commands.len() > 5, "{help}");
    for guide in GUIDES {
        let mut told: Vec<String> = table(&read(guide), "<!-- commands -->")
            .into_iter()
            .map(|row| row[0].clone())
            .collect();
        told.sort();
        assert_eq!(told, commands, "{guide}");
    }
}

#[test]
fn every_page_of_the_consoles_menu_is_in_the_guides_with_its_name_and_no_other() {
    let menu = read("server/src/console/menu.rs");
    let entries: Vec<Vec<String>> = menu
        .lines()
        .filter_map(|line| line.trim().strip_prefix('(')?.strip_suffix("),"))
        .filter(|line| line.starts_with('"'))
        .map(|line| {
            line.split('"')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        })
        .collect();
    assert!(entries.len() > 5, "{menu}");
    for (guide, language) in GUIDES.iter().zip([2, 1]) {
        let made: Vec<(String, String)> = entries
            .iter()
            .map(|entry| (format!("`{}`", entry[0]), entry[language].clone()))
            .collect();
        let told: Vec<(String, String)> = table(&read(guide), "<!-- console -->")
            .into_iter()
            .map(|row| (row[0].clone(), row[1].clone()))
            .collect();
        assert_eq!(told, made, "{guide}");
    }
}

#[test]
fn every_refusal_of_the_server_is_on_the_page_about_refused_users_and_no_other() {
    let made: Vec<(String, String)> = Reason::ALL
        .iter()
        .map(|reason| (*reason as u32, reason.name()))
        .filter(|(code, _)| (300..400).contains(code))
        .map(|(code, name)| (code.to_string(), name.to_owned()))
        .collect();
    for (guide, mark) in GUIDES.iter().zip(["журнала):\n", "the journal):\n"]) {
        let told: Vec<(String, String)> = table(&read(guide), mark)
            .into_iter()
            .map(|row| (row[0].clone(), row[1].clone()))
            .collect();
        assert_eq!(told, made, "{guide}");
    }
}

#[test]
fn every_link_of_the_guides_leads_somewhere() {
    for guide in GUIDES {
        let text = read(guide);
        let anchors: Vec<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix('#'))
            .map(|line| anchor(line.trim_start_matches('#')))
            .collect();
        for target in text.split("](").skip(1) {
            let target = target.split_once(')').unwrap().0;
            if let Some(name) = target.strip_prefix('#') {
                assert!(
                    anchors.contains(&name.to_owned()),
                    "{guide}: no heading {name}"
                );
            } else {
                let file = target.split('#').next().unwrap();
                let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("docs")
                    .join(file);
                assert!(path.exists(), "{guide}: no file {file}");
            }
        }
    }
}

/// What a heading is called in links, as the usual renderers make it.
fn anchor(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            letter if letter.is_alphanumeric() || letter == '-' || letter == '_' => Some(letter),
            _ => None,
        })
        .collect()
}
