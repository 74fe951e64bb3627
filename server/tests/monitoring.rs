//! What packaging/monitoring asks for is what /metrics of the real program has: every name and every label.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

#[path = "support/component.rs"]
#[expect(dead_code, reason = "other tests do more with a component")]
mod component;
#[path = "support/place.rs"]
mod place;
#[path = "support/running.rs"]
mod running;
#[path = "support/vendor.rs"]
mod vendor;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
};

use component::Component;
use licenceserver::accounting::EventKind;
use place::{Place, SERIES};
use protocol::{
    Reason,
    wire::message::{Answer, Id},
};

/// Labels that the monitoring adds by itself.
const ADDED: [&str; 2] = ["instance", "job"];

fn of_project(file: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(folder.join(file)).unwrap()
}

fn monitoring(file: &str) -> String {
    of_project(&format!("packaging/monitoring/{file}"))
}

fn request(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn scrape(port: u16) -> String {
    let answer = request(port, "/metrics");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    body.to_owned()
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// The names of labels in `{a="b",c=~"d"}`, at the beginning of a text. In JSON the quotes have backslashes before them.
fn labels(text: &str) -> BTreeSet<String> {
    let Some(inside) = text.strip_prefix('{') else {
        return BTreeSet::new();
    };
    let plain = inside.replace("\\\"", "\"");
    let mut found = BTreeSet::new();
    // Outside of quotes stand names and what joins them; whatever is not closed is no list of labels.
    for (at, part) in plain.split('"').enumerate() {
        if at % 2 == 1 {
            continue;
        }
        let (part, closed) = part
            .split_once('}')
            .map_or((part, false), |(part, _)| (part, true));
        let name: String = part.chars().filter(|letter| is_name(*letter)).collect();
        if !name.is_empty() {
            found.insert(name);
        }
        if closed {
            break;
        }
    }
    found
}

/// Each metric of ours in a text, with the labels that stand behind it.
fn metrics(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (at, _) in text.match_indices("licenceserver_") {
        let rest = &text[at..];
        let end = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        found
            .entry(name.to_owned())
            .or_default()
            .extend(labels(behind));
    }
    found
}

/// The values of a label in a text: `label="value"`. In JSON the quotes have backslashes before them.
fn values_of(label: &str, text: &str) -> BTreeSet<String> {
    let plain = text.replace("\\\"", "\"");
    plain
        .split(&format!("{label}=\""))
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_metric_and_label_of_the_dashboard_the_alerts_and_the_template_is_in_a_real_scrape() {
    let root = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_licenceserver"));
    let place = Place::new(root.path(), program, 1, None, "[Common]\nServerPort=0\n");
    let server = place.start();
    let mut component = Component::connect(server.port, SERIES, 1, Id::random()).unwrap();
    let granted = component.acquire(Id::random(), 1).unwrap();
    assert!(matches!(granted, Answer::Granted(_)), "{granted:?}");
    let denied = component.acquire(Id::random(), 2).unwrap();
    assert!(matches!(denied, Answer::Denied(_)), "{denied:?}");

    let page = scrape(server.port);
    let real = metrics(
        &page
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect::<Vec<_>>()
            .join("\n"),
    );
    // The key of this test has no end; its line is told by the description.
    let known: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, _)| name)
        .collect();
    let mut used = BTreeSet::new();
    for file in [
        "prometheus/licenceserver.rules.yml",
        "prometheus/licenceserver.rules.test.yml",
        "grafana/licenceserver.json",
        "zabbix/licenceserver.yaml",
    ] {
        let asked = metrics(&monitoring(file));
        assert!(asked.len() > 3, "{file}: {asked:?}");
        for (name, labels) in asked {
            assert!(known.contains(name.as_str()), "{file}: no metric {name}");
            if let Some(real) = real.get(&name) {
                for label in labels {
                    assert!(
                        real.contains(&label) || ADDED.contains(&label.as_str()),
                        "{file}: {name} has no label '{label}', but {real:?}"
                    );
                }
            }
            used.insert(name);
        }
        let text = monitoring(file);
        for event in values_of("event", &text) {
            // Without its line from the start its first time would wake nobody.
            let line = format!("licenceserver_events_total{{event=\"{event}\",series=\"\"}} 0");
            assert!(
                file.contains("test") || page.lines().any(|found| found == line),
                "{file}: {line}\n{page}"
            );
            assert!(EventKind::from_name(&event).is_some(), "{file}: {event}");
        }
        for reason in values_of("reason", &text) {
            let known = Reason::ALL.iter().any(|known| known.name() == reason);
            assert!(known, "{file}: no reason {reason}");
        }
    }
    let unused: Vec<_> = known.iter().filter(|name| !used.contains(**name)).collect();
    assert_eq!(
        unused,
        [&"licenceserver_events_uncounted_total"],
        "nothing shows these"
    );
    for guide in ["docs/admin-guide.ru.md", "docs/admin-guide.en.md"] {
        let text = of_project(guide);
        let (_, rows) = text.split_once("<!-- metrics -->").unwrap();
        let told: BTreeSet<&str> = rows
            .trim_start()
            .lines()
            .take_while(|line| line.starts_with('|'))
            .skip(2)
            .map(|line| line.split('`').nth(1).unwrap())
            .collect();
        assert_eq!(told, known, "{guide}");
        // Addresses that the guide names are there.
        for path in text.split('`').filter_map(|code| {
            let word = code
                .split_whitespace()
                .find(|word| word.starts_with("/api/"))?;
            word.split('?').next()
        }) {
            let path = path.replace("{ID}", "00").replace("{KeyNo}", "7");
            let answer = request(server.port, &path);
            assert!(
                answer.starts_with("HTTP/1.1 200")
                    || (path.ends_with("/00") && answer.starts_with("HTTP/1.1 404")),
                "{guide}: {path}: {answer}"
            );
        }
    }
    for line in [
        "licenceserver_denied_total{series=\"672B\",reason=\"NoSeats\"} 1",
        "licenceserver_ready 1",
    ] {
        let page = wait_for(server.port, line);
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
}

/// The counters follow the journal, a moment later.
fn wait_for(port: u16, line: &str) -> String {
    let begun = std::time::Instant::now();
    loop {
        let page = scrape(port);
        if page.lines().any(|found| found == line) || begun.elapsed().as_secs() > 30 {
            return page;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn the_template_and_the_dashboard_are_well_formed() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&monitoring("grafana/licenceserver.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels
        .iter()
        .map(|panel| panel["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids.len(), panels.len());
    for panel in panels {
        assert!(!panel["targets"].as_array().unwrap().is_empty(), "{panel}");
    }
    let template = monitoring("zabbix/licenceserver.yaml");
    let mut ids = BTreeSet::new();
    for line in template.lines().filter(|line| line.contains("uuid:")) {
        let id = line.split_once("uuid: ").unwrap().1;
        assert!(
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{id}"
        );
        // Version 4, which Zabbix insists on.
        assert_eq!(&id[12..13], "4", "{id}");
        assert!(ids.insert(id.to_owned()), "{id} is there twice");
    }
    assert!(ids.len() > 15);
    // Every item that a trigger or a graph names is there.
    let keys: BTreeSet<&str> = template
        .lines()
        .filter_map(|line| line.trim().strip_prefix("key: "))
        .map(|key| key.trim_matches('\''))
        .collect();
    let name = template
        .lines()
        .find_map(|line| line.trim().strip_prefix("template: '"))
        .unwrap()
        .trim_end_matches('\'');
    let prefix = format!("/{name}/");
    let mut named = 0;
    for (at, _) in template.match_indices(&prefix) {
        let rest = &template[at + prefix.len()..];
        let mut depth = 0;
        let end = rest
            .find(|letter| {
                match letter {
                    '[' => depth += 1,
                    ']' => depth -= 1,
                    _ => {}
                }
                depth == 0 && matches!(letter, ',' | ')')
            })
            .unwrap();
        assert!(keys.contains(&rest[..end]), "no item {}", &rest[..end]);
        named += 1;
    }
    assert!(named > 5);
}
