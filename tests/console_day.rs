//! An administrator's day at the console, in a real browser over a real server, with real components attached.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{fs, path::PathBuf};

use licence::{
    browser::{Browser, Wanted},
    process::Application,
    scene::{Scene, asking},
    vendor::{ITN, Vendor},
};

fn browser(scene: &Scene, wanted: Wanted) -> Browser {
    let pictures = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("console");
    Browser::start(scene.port(), pictures, wanted)
}

fn datafile(scene: &Scene) -> PathBuf {
    let file = scene.root().join("object.bin");
    fs::write(&file, "x").unwrap();
    scene.pack(&file, "object")
}

#[test]
fn the_first_day_password_key_and_settings() {
    let mut scene = Scene::bare();
    let mut vendor = Vendor::with_series(scene.vendor());
    vendor.start(&[]);
    scene.configure(&format!(
        "; about the centre\n{}\n[Mine]\n; kept\nx=1\n",
        asking(vendor.url())
    ));
    scene.start();
    let browser = browser(&scene, Wanted::default());
    browser.go("/");
    browser.wait_for("Ключи этого продукта не установлены");
    browser.picture("01-empty");
    // A page of the service asks for the password, and the first sign-in for another one.
    browser.go("/licences/install");
    assert_eq!(browser.here(), "/sign-in?to=%2Flicences%2Finstall");
    browser.picture("02-sign-in");
    browser.write("[name=user]", "admin");
    browser.write("[name=password]", "wrong");
    browser.click("main button");
    browser.wait_for("Неверное имя пользователя или пароль");
    browser.sign_in("admin", "admin");
    browser.wait_for("Пароль по умолчанию известен всем");
    browser.picture("03-password");
    browser.write("[name=current]", "admin");
    browser.write("[name=new]", "длинный пароль");
    browser.write("[name=again]", "длинный пароль");
    browser.click("main button");
    browser.wait_for("Имя пользователя и пароль изменены");
    // A mistyped code, an unknown one, a good one.
    let code = vendor.code(5);
    browser.go("/licences/install");
    let mut mistyped: Vec<char> = code.chars().collect();
    mistyped[6] = if mistyped[6] == '7' { '8' } else { '7' };
    let mistyped: String = mistyped.into_iter().collect();
    for (wrong, told) in [
        (mistyped.as_str(), "набран с ошибкой"),
        ("0246-8ACE-GJMP-RTWY-X1CD", "не выдавал"),
    ] {
        browser.write("[name=code]", wrong);
        browser.click("[value=centre]");
        browser.wait_for(told);
    }
    browser.picture("04-refused-code");
    browser.write("[name=code]", &code);
    browser.write("[name=itn]", ITN);
    browser.click("[value=picture]");
    browser.wait_for("Запрос в виде QR-кода");
    assert!(browser.has(".qr svg"));
    browser.picture("05-request");
    browser.click("[value=centre]");
    browser.wait_for("Ключ установлен");
    browser.go("/");
    browser.wait_for(&format!("ИНН {ITN}"));
    // Settings are saved, and the rest of the file stays.
    browser.go("/settings");
    browser.picture("06-settings");
    browser.write("[name='Sessions.GraceSeconds']", "5000");
    // The browser itself would refuse it.
    let _ = browser.run("document.querySelector('form[action^=\"/settings\"]').noValidate = true");
    browser.click("form[action^='/settings'] button");
    browser.wait_for("GraceSeconds=5000 неверно");
    browser.write("[name='Sessions.GraceSeconds']", "60");
    browser.write("[name='code.code.0']", "SALES");
    browser.write("[name='code.name.0']", "Отдел продаж");
    browser.click("form[action^='/settings'] button");
    browser.wait_for("Параметры сохранены");
    let conf = fs::read_to_string(scene.conf_folder().join("licenceserver.conf")).unwrap();
    assert!(
        conf.contains("; about the centre\n") && conf.contains("[Mine]\n; kept\nx=1\n"),
        "{conf}"
    );
    assert!(
        conf.contains("GraceSeconds=60\n") && conf.contains("SALES=Отдел продаж\n"),
        "{conf}"
    );
    // The API is switched off, which takes effect at once.
    browser.click("[name='API.Enabled']");
    browser.click("form[action^='/settings'] button");
    browser.wait_for("Параметры сохранены");
    let (status, _) = scene.api_as("/api", "admin", "длинный пароль");
    assert_eq!(status, 503);
    browser.go("/licences");
    browser.picture("07-keys");
    // Its code is shown to whoever asks, and the journal keeps that.
    browser.go("/licences/1000001");
    assert!(!browser.source().contains(&code));
    browser.click("[value=show]");
    browser.wait_for(&code);
    browser.go("/journal?kind=keys");
    browser.wait_for("Показан код активации");
    // The key is given back, and its reserve code activates it on another computer.
    browser.go("/licences/reserve?key=1000001");
    browser.click("[name=sure]");
    browser.click("[value=centre]");
    browser.wait_for("Ключ отдан");
    let reserve = browser.text(".big.code");
    browser.picture("08-given-back");
    let other = vendor.computer("other");
    assert!(other.activate(&reserve).contains("5 seats"));
    browser.go("/journal");
    browser.wait_for("Ключ отдан");
    browser.picture("09-journal");
}

#[test]
fn a_session_appears_is_freed_with_a_word_and_its_user_hears_it() {
    let scene = Scene::new(2);
    let datafile = datafile(&scene);
    let browser = browser(&scene, Wanted::default());
    browser.go("/");
    browser.wait_for("Лицензии никто не занимает");
    // It comes and goes without a reload: what a script leaves on the page is still there.
    let _ = browser.run("window.stayed = true");
    let (mut first, obtained) = scene.client(&datafile, 1);
    assert!(obtained.is_true(), "{}", obtained.en);
    browser.wait_for("Пользователь 1");
    let (second, _) = scene.client(&datafile, 2);
    browser.wait_for("Пользователь 2");
    let mut third = scene.process(Application::ThinClient);
    scene.prepare(&mut third, &datafile, 3);
    third.must("Connect", &[]);
    assert!(!third.call("ObtainLicence", &[]).is_true());
    browser.picture("10-products");
    assert!(second.exit());
    browser.wait_without("Пользователь 2");
    assert_eq!(browser.run("return window.stayed"), true);
    // Freeing it: sign-in, the session's page, a word.
    browser.sign_in("admin", "admin");
    browser.wait_for("Пароль по умолчанию");
    browser.go("/sessions?q=Пользователь 1");
    browser.click("td.number a");
    browser.wait_for("Освободить лицензию");
    browser.picture("11-session");
    browser.write("[name=word]", "Обновление в 18:00");
    browser.click("[name=sure]");
    browser.click("button.danger");
    browser.wait_for("Лицензия освобождена");
    let events = first.wait_events(1);
    assert!(
        events
            .iter()
            .any(|event| format!("{event:?}").contains("Обновление в 18:00")),
        "{events:?}"
    );
    browser.go("/journal?kind=released");
    browser.wait_for("Обновление в 18:00");
    browser.go("/history?period=hours");
    browser.wait_for("все лицензии заняты");
    browser.picture("12-history");
}
