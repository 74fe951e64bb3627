//! Every page of the console in a real browser: on a telephone, without scripts, in both languages, inside a window of 1C, for a
//! screen reader, and with names that were made to do harm.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{fs, path::PathBuf, process::Command};

use licence::{
    browser::{Browser, Wanted},
    host::Value,
    process::{Application, Process},
    scene::Scene,
};

const HARM: &str = "<script>window.harmed=1</script><img src=x onerror=window.harmed=1>\"' autofocus onfocus=window.harmed=1";

fn browser(scene: &Scene, wanted: Wanted) -> Browser {
    let pictures = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("console");
    Browser::start(scene.port(), pictures, wanted)
}

/// A server with a session whose user, computer, application and infobase are named by somebody who means harm.
fn scene() -> (Scene, Process) {
    let scene = Scene::new(3);
    let file = scene.root().join("object.bin");
    fs::write(&file, "x").unwrap();
    let datafile = scene.pack(&file, "object");
    let mut process = scene.process(Application::Server);
    process.set("ServerAddr", "127.0.0.1".into());
    process.set("ServerPort", Value::Int(scene.port().into()));
    process.set("KeyID", licence::scene::SERIES.into());
    process.must("LoadDataFile", &[datafile.to_str().unwrap().into()]);
    let told = [
        format!("Srvr=\"{HARM}\";Ref=\"demo\";").as_str().into(),
        Value::Int(6),
        Value::Date([2026, 1, 2, 3, 4, 5]),
        HARM.into(),
        HARM.into(),
        HARM.into(),
    ];
    process.must("SetSession", &told);
    process.must("Connect", &[]);
    process.must("ObtainLicence", &[]);
    (scene, process)
}

/// The pages, with what each is called in pictures.
fn pages(scene: &Scene) -> Vec<(String, &'static str)> {
    let id = |list: &str, name: &str| {
        let (status, answer) = scene.api(list);
        assert_eq!(status, 200);
        answer[name][0]["ID"].as_str().unwrap().to_owned()
    };
    let session = id("/api/sessions", "Sessions");
    let connection = id("/api/connections", "Connections");
    let fixed = [
        ("/", "products"),
        ("/?menu=false&header=true", "embedded"),
        ("/sessions", "sessions"),
        ("/licences", "keys"),
        ("/licences/7131766", "key"),
        ("/licences/install", "install"),
        ("/licences/reserve", "reserve"),
        ("/history", "history"),
        ("/journal", "journal"),
        ("/logs", "logs"),
        ("/settings", "settings"),
        ("/password", "password"),
        ("/systeminfo", "about"),
        ("/help", "help"),
        ("/nowhere", "nowhere"),
    ];
    let mut pages: Vec<(String, &'static str)> = fixed
        .into_iter()
        .map(|(path, name)| (path.to_owned(), name))
        .collect();
    pages.push((format!("/sessions/{session}"), "session"));
    pages.push((format!("/connections/{connection}"), "connection"));
    pages
}

/// axe-core, fetched once by the same function as in `./test`.
fn axe() -> String {
    let output = Command::new("bash")
        .args(["-c", ". tools/lib.sh && axe_core"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said = String::from_utf8(output.stdout).unwrap();
    fs::read_to_string(said.lines().last().unwrap()).unwrap()
}

#[test]
fn every_page_is_for_keyboards_and_screen_readers_too_and_nobodys_name_does_harm() {
    let (scene, _process) = scene();
    let axe = axe();
    for (lang, dark) in [("ru", false), ("en", true)] {
        let browser = browser(
            &scene,
            Wanted {
                lang,
                dark,
                ..Wanted::default()
            },
        );
        browser.sign_in("admin", "admin");
        browser.wait_for(if lang == "ru" {
            "Новый пароль"
        } else {
            "New password"
        });
        for (path, name) in pages(&scene) {
            browser.go(&path);
            assert_eq!(
                browser.run("return document.documentElement.lang"),
                lang,
                "{path}"
            );
            assert!(browser.run("return window.harmed").is_null(), "{path}");
            // The policy alone would keep it from running: nothing of it may be a part of the page at all.
            assert!(
                !browser.has("img[src='x'], script:not([src]), [onerror], [onfocus]"),
                "{path}"
            );
            browser.picture(&format!("{name}-{lang}"));
            let found = browser.run_async(&format!(
                "{axe}; const done = arguments[arguments.length - 1];
                axe.run(document, {{ resultTypes: ['violations'] }}).then(
                    found => done(found.violations.filter(one => ['serious', 'critical'].includes(one.impact))
                        .map(one => one.id + ': ' + one.nodes.map(node => node.html).slice(0, 3).join(' '))),
                    error => done(['axe failed: ' + error]));"
            ));
            assert_eq!(found, serde_json::json!([]), "{lang} {path}");
        }
    }
}

#[test]
fn on_a_telephone_no_page_is_wider_than_the_screen() {
    let (scene, _process) = scene();
    for dark in [false, true] {
        on_a_telephone(&scene, dark);
    }
}

fn on_a_telephone(scene: &Scene, dark: bool) {
    let browser = browser(
        scene,
        Wanted {
            size: (360, 640),
            dark,
            ..Wanted::default()
        },
    );
    browser.sign_in("admin", "admin");
    browser.wait_for("Новый пароль");
    for (path, name) in pages(scene) {
        browser.go(&path);
        browser.picture(&format!(
            "{name}-telephone{}",
            if dark { "-dark" } else { "" }
        ));
        let wide = browser.run("return document.documentElement.scrollWidth - innerWidth");
        assert!(wide.as_i64().unwrap() <= 0, "{path}: {wide}");
    }
}

#[test]
fn without_scripts_the_lists_are_read_and_a_seat_is_freed() {
    let (scene, _process) = scene();
    let wanted = Wanted {
        scripts: false,
        ..Wanted::default()
    };
    let browser = browser(&scene, wanted);
    browser.go("/?menu=false&header=true");
    browser.wait_for("Сеанс № 6");
    assert!(!browser.has("nav.menu") && browser.has("ul.series li.session.enabled"));
    browser.picture("embedded-without-scripts");
    browser.go("/sessions");
    browser.click("td.number a");
    browser.wait_for("Войдите");
    browser.sign_in("admin", "admin");
    browser.wait_for("Новый пароль");
    let (path, _) = pages(&scene)
        .into_iter()
        .find(|(_, name)| *name == "session")
        .unwrap();
    browser.go(&path);
    browser.write("[name=word]", "обновление");
    browser.click("[name=sure]");
    browser.click("button.danger");
    browser.wait_for("Лицензия освобождена");
    browser.go("/sessions");
    browser.wait_for("Сейчас лицензии никто не занимает");
}

#[test]
fn a_picture_is_drawn_and_wrong_letters_change_nothing_and_bring_another_one() {
    let mut scene = Scene::bare();
    scene.configure("[Console]\nCheckCaptcha=1\n");
    scene.start();
    for (lang, dark, told) in [
        ("ru", false, "Буквы не совпали с картинкой"),
        ("en", true, "The letters are not those of the picture"),
    ] {
        let browser = browser(
            &scene,
            Wanted {
                lang,
                dark,
                ..Wanted::default()
            },
        );
        let drawn = || {
            let drawn = browser.run(
                "const picture = document.querySelector('.picture img');
                return picture.complete && picture.naturalWidth > 0 && picture.clientWidth > 0 ? picture.src : ''",
            );
            drawn.as_str().unwrap().to_owned()
        };
        browser.go("/sign-in");
        let first = drawn();
        assert!(
            first.starts_with("data:image/svg+xml"),
            "it is drawn: {first}"
        );
        browser.picture(&format!("letters-{lang}"));
        browser.write("[name=user]", "admin");
        browser.write("[name=password]", "admin");
        browser.write("[name=letters]", "wrong");
        browser.click("main button");
        browser.wait_for(told);
        browser.picture(&format!("letters-refused-{lang}"));
        browser.go("/settings");
        assert!(browser.here().starts_with("/sign-in?"), "nobody came in");
        let second = drawn();
        assert!(!second.is_empty() && second != first, "another picture");
    }
}
