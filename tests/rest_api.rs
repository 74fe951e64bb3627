//! The REST API against its own description: schemathesis makes requests of all kinds from /api/openapi.json, and every
//! answer of the real server has to be one that the description allows, and none a fault of the server.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{fs, path::PathBuf, process::Command};

use licence::scene::Scene;

/// The program, installed on a new machine by the same function as in `./test`.
fn schemathesis() -> PathBuf {
    let output = Command::new("bash")
        .args(["-c", ". tools/lib.sh && python_for_api"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("bash runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let python = PathBuf::from(said.lines().last().unwrap());
    python.with_file_name("schemathesis")
}

/// The first and the last ID of a list: one to look at, and one to end.
fn ends(scene: &Scene, list: &str, name: &str) -> (String, String) {
    let (status, answer) = scene.api(list);
    assert_eq!(status, 200);
    let rows = answer[name].as_array().unwrap();
    assert!(rows.len() > 1, "{answer}");
    let id = |row: &serde_json::Value| row["ID"].as_str().unwrap().to_owned();
    (id(&rows[0]), id(&rows[rows.len() - 1]))
}

#[test]
fn every_answer_is_one_that_the_description_allows() {
    let program = schemathesis();
    let scene = Scene::new(3);
    let file = scene.root().join("object.bin");
    fs::write(&file, "x").unwrap();
    let datafile = scene.pack(&file, "object");
    // Lists with something in them; the fourth client is refused, which the journal tells.
    let clients: Vec<_> = (1..=4)
        .map(|number| scene.client(&datafile, number))
        .collect();
    assert_eq!(clients.iter().filter(|(_, told)| told.is_true()).count(), 3);
    let (connection, ended_connection) = ends(&scene, "/api/connections", "Connections");
    let (session, ended_session) = ends(&scene, "/api/sessions", "Sessions");
    let config = scene.root().join("schemathesis.toml");
    fs::write(
        &config,
        format!(
            r#"
# The manual has 501 for what is not there, where the tool expects 405.
[phases.coverage]
unexpected-methods = []

# The tool signs in itself; a request that it makes up without a sign-in would get one all the same.
[generation]
with-security-parameters = false

[checks]
unsupported_method.enabled = false

# No document that the tool makes up is a licence.
[[operations]]
include-name = "POST /api/licences"
checks.positive_data_acceptance.enabled = false

# Nor is it an answer of a centre, or a code.
[[operations]]
include-name = "POST /api/answers"
checks.positive_data_acceptance.enabled = false

[[operations]]
include-name = "POST /api/requests"
checks.positive_data_acceptance.enabled = false

# This server knows no licence centre, and says so with 503. A fault would be in its log, which is read below.
[[operations]]
include-name = "POST /api/licences/{{KeyNo}}/reserve"
checks.not_a_server_error.enabled = false

[[operations]]
include-name = "GET /api/connections/{{ID}}"
parameters = {{ "path.ID" = "{connection}" }}

[[operations]]
include-name = "GET /api/sessions/{{ID}}"
parameters = {{ "path.ID" = "{session}" }}

[[operations]]
include-name = "DELETE /api/connections/{{ID}}"
parameters = {{ "path.ID" = "{ended_connection}" }}

[[operations]]
include-name = "DELETE /api/sessions/{{ID}}"
parameters = {{ "path.ID" = "{ended_session}" }}
"#
        ),
    )
    .unwrap();
    let description = format!("http://127.0.0.1:{}/api/openapi.json", scene.port());
    let output = Command::new(program)
        .arg("--config-file")
        .arg(config)
        .args(["run", &description, "--auth", "admin:admin", "--no-color"])
        // Its answer never ends.
        .args(["--exclude-path", "/api/stream"])
        // The same requests in every run.
        .args([
            "--seed",
            "1",
            "--max-examples",
            "30",
            "--generation-database",
            "none",
        ])
        .current_dir(scene.root())
        .output()
        .expect("schemathesis runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for (list, ended) in [
        ("connections", ended_connection),
        ("sessions", ended_session),
    ] {
        let (status, _) = scene.api(&format!("/api/{list}/{ended}"));
        assert_eq!(status, 404, "{list}: it was ended by a request");
    }
    // The server has the same opinion of them.
    let log = fs::read_dir(scene.conf_folder().join("logs")).unwrap();
    for file in log {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(
            !text.contains("ended in a panic") && !text.contains("[ERROR]"),
            "{text}"
        );
    }
}
