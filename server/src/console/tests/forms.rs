//! Every form with input that nobody means well by; settings that are saved, and the file that stays whole.

use axum::http::{Method, StatusCode, header};

use super::Browser;
use crate::api::tests::{SERIES, place};

const FORMS: [(&str, &[&str]); 8] = [
    ("/sign-in", &["user", "password", "to"]),
    ("/password", &["user", "current", "new", "again"]),
    (
        "/settings",
        &[
            "Common.ServerPort",
            "Common.Lang",
            "Console.AllowedAddresses",
            "code.code.0",
            "code.limit.0",
            "mark",
        ],
    ),
    ("/licences/install", &["code", "itn", "iec", "by"]),
    ("/licences/reserve", &["key", "sure", "by"]),
    ("/licences/7131766", &["do"]),
    ("/licences/99", &["do"]),
    ("/sessions/00", &["word", "sure"]),
];

#[tokio::test]
async fn whatever_is_written_into_a_form_is_refused_with_a_page_and_no_fault() {
    let place = place("").await;
    let mut browser = Browser::signed_in(&place).await;
    let token = browser.get("/settings").await.token();
    let long = "я".repeat(20_000);
    let before = std::fs::read_to_string(place.server.places.conf()).unwrap();
    for (path, fields) in FORMS {
        for value in [
            "",
            "\0",
            "<b>",
            "-1",
            "4294967296",
            "../../etc/passwd",
            "a\r\n[Console]\r\nPassword=x",
            "' OR 1=1 --",
            &long,
        ] {
            let mut form = vec![("token", token.as_str())];
            form.extend(fields.iter().map(|field| (*field, value)));
            let shown = browser.post(path, &form).await;
            assert!(
                shown.status.is_client_error(),
                "{path} {value:?}: {}",
                shown.status
            );
            assert!(
                shown.text.starts_with("<!doctype html>"),
                "{path} {value:?}"
            );
        }
        // No form at all.
        let kind = [(
            header::CONTENT_TYPE.as_str(),
            "application/x-www-form-urlencoded",
        )];
        for body in [&b"token=%ff%fe&x=%zz"[..], b"&&&===", b""] {
            let shown = browser
                .send(Method::POST, path, Some(body.to_vec()), &kind)
                .await;
            assert!(shown.status.is_client_error(), "{path}: {}", shown.status);
        }
        let large = vec![b'a'; 300 * 1024];
        let shown = browser.send(Method::POST, path, Some(large), &kind).await;
        assert!(shown.status.is_client_error(), "{path}");
        let shown = browser
            .send(Method::POST, path, Some(b"{}".to_vec()), &[])
            .await;
        assert!(shown.status.is_client_error(), "{path}");
    }
    let after = std::fs::read_to_string(place.server.places.conf()).unwrap();
    assert_eq!(after, before);
}

fn multipart(token: &str, file: &[u8]) -> Vec<u8> {
    let mut body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n{token}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n"
    )
    .into_bytes();
    body.extend(file);
    body.extend(b"\r\n--b--\r\n");
    body
}

#[tokio::test]
async fn a_licence_file_is_installed_and_any_other_is_refused() {
    let place = place("").await;
    let mut browser = Browser::signed_in(&place).await;
    let token = browser.get("/licences/install").await.token();
    let kind = [(
        header::CONTENT_TYPE.as_str(),
        "multipart/form-data; boundary=b",
    )];
    let path = "/licences/install/file";
    let large = vec![7; 400 * 1024];
    for file in [&b""[..], b"no licence", &large] {
        let shown = browser
            .send(Method::POST, path, Some(multipart(&token, file)), &kind)
            .await;
        assert_eq!(shown.status, StatusCode::BAD_REQUEST);
    }
    let licence = place.issue(5, protocol::licence::KeyType::Additional, 21);
    let shown = browser
        .send(
            Method::POST,
            path,
            Some(multipart("wrong", &licence)),
            &kind,
        )
        .await;
    assert_eq!(shown.status, StatusCode::FORBIDDEN);
    let shown = browser
        .send(Method::POST, path, Some(multipart(&token, &licence)), &kind)
        .await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
    assert!(shown.text.contains("21\u{a0}лицензия"), "{}", shown.text);
    assert!(place.server.read_licence(Some(SERIES), 5).is_some());
}

#[tokio::test]
async fn settings_are_saved_at_once_and_the_file_keeps_its_comments() {
    let text = "; mine\n[Console]\n; about the password\nPassword=secret12\n[Mine]\nx=1\n[API]\nEnabled=1\n";
    let place = place(text).await;
    let mut browser = Browser::new(&place);
    browser.sign_in("admin", "secret12").await;
    let page = browser.get("/settings").await;
    let (token, mark) = (page.token(), page.field("mark"));
    let form = [
        ("token", &*token),
        ("mark", &mark),
        ("Common.Lang", "ru"),
        ("Sessions.GraceSeconds", "120"),
        ("Console.CheckDNSRebinding", "1"),
        ("LicenceUpdate.Enabled", "1"),
        ("code.code.0", "A1"),
        ("code.name.0", "Отдел"),
        ("code.limit.0", "3"),
    ];
    let saved = browser.post("/settings", &form).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text);
    let conf = place.server.conf();
    assert!(!conf.api_enabled && conf.grace.as_secs() == 120);
    let after = std::fs::read_to_string(place.server.places.conf()).unwrap();
    assert!(
        after.starts_with("; mine\n[Console]\n; about the password\nPassword=$argon2id$"),
        "{after}"
    );
    assert!(
        after.contains("[Mine]\nx=1\n[API]\nEnabled=0\n") && after.contains("A1=Отдел | limit=3\n"),
        "{after}"
    );
    // The same page once more is out of date.
    let again = browser.post("/settings", &form).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert!(again.text.contains("Файл тем временем изменили"));
}

#[tokio::test]
async fn settings_that_are_wrong_or_lock_their_writer_out_change_nothing() {
    let place = place("[Console]\nPassword=secret12\n").await;
    let mut browser = Browser::new(&place);
    browser.address = [192, 168, 7, 7];
    browser.sign_in("admin", "secret12").await;
    let page = browser.get("/settings").await;
    let (token, mark) = (page.token(), page.field("mark"));
    let before = std::fs::read_to_string(place.server.places.conf()).unwrap();
    for (field, value, told) in [
        ("Common.ServerPort", "70000", "порт от 1 до 65535"),
        ("Common.ServerAddr", "203.0.113.77", "не подходит"),
        ("Common.SeriesFile", "nowhere.series", "нет файла"),
        (
            "Common.LicenceCenterUrl",
            "http://centre.example",
            "https://",
        ),
        ("Sessions.ExpireSeconds", "5", "больше секунд"),
        ("Console.AllowedAddresses", "10.0.0.0/8", "закроете доступ"),
        ("Console.LocalAccessOnly", "1", "закроете доступ"),
        ("TLS.Port", "9443", "PEM"),
        ("code.code.0", "a=b", "строке 1"),
    ] {
        let form = [
            ("token", &*token),
            ("mark", &mark),
            ("API.Enabled", "1"),
            ("Console.CheckDNSRebinding", "1"),
            ("LicenceUpdate.Enabled", "1"),
            (field, value),
        ];
        let shown = browser.post("/settings", &form).await;
        assert_eq!(shown.status, StatusCode::BAD_REQUEST, "{field}");
        assert!(shown.text.contains(told), "{field}: {}", shown.text);
        let kept = if value == "1" {
            format!("name=\"{field}\" value=\"1\" checked")
        } else {
            format!("value=\"{value}\"")
        };
        assert!(
            shown.text.contains(&kept),
            "{field}: what was written is shown again"
        );
    }
    assert_eq!(
        std::fs::read_to_string(place.server.places.conf()).unwrap(),
        before
    );
}

#[tokio::test]
async fn a_new_password_is_in_use_at_once_and_ends_every_other_sign_in() {
    let place = place("").await;
    let mut browser = Browser::signed_in(&place).await;
    let mut other = Browser::signed_in(&place).await;
    let token = browser.get("/password").await.token();
    let form = |current, new, again| {
        [
            ("token", token.clone()),
            ("user", "root".into()),
            ("current", String::from(current)),
            ("new", String::from(new)),
            ("again", String::from(again)),
        ]
    };
    for (current, new, again) in [
        ("wrong", "secret12", "secret12"),
        ("admin", "secret12", "secret13"),
        ("admin", "short", "short"),
    ] {
        let form = form(current, new, again);
        let fields: Vec<(&str, &str)> = form
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let shown = browser.post("/password", &fields).await;
        assert!(
            shown.status.is_client_error() && !shown.text.contains("secret1"),
            "{}",
            shown.text
        );
    }
    let form = form("admin", "secret12", "secret12");
    let fields: Vec<(&str, &str)> = form
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let shown = browser.post("/password", &fields).await;
    assert_eq!(shown.status, StatusCode::SEE_OTHER);
    assert_eq!(
        browser.get("/settings").await.status,
        StatusCode::OK,
        "whoever changed it stays"
    );
    assert_eq!(other.get("/settings").await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        other.sign_in("admin", "admin").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        other.sign_in("root", "secret12").await.status,
        StatusCode::SEE_OTHER
    );
    let text = std::fs::read_to_string(place.server.places.conf()).unwrap();
    assert!(
        text.contains("UserName=root") && !text.contains("secret12"),
        "{text}"
    );
}

#[tokio::test]
async fn what_the_file_says_in_another_way_stays_as_it_is() {
    let text =
        "[Console]\nPassword=secret12\nCheckDNSRebinding=1\n[Common]\nLang=RU\n[UPKey]\nUsbIds=\n";
    let place = place(text).await;
    let mut browser = Browser::new(&place);
    browser.sign_in("admin", "secret12").await;
    let page = browser.get("/settings").await;
    assert!(page.text.contains("<option value=\"ru\" selected>"));
    assert!(page.text.contains("name=\"UPKey.UsbIds\" value=\"\""));
    let (token, mark) = (page.token(), page.field("mark"));
    let form = |days: &'static str, ids: &'static str| {
        [
            ("token", token.clone()),
            ("mark", mark.clone()),
            ("Common.Lang", "ru".into()),
            ("Journal.KeepDays", days.into()),
            ("UPKey.UsbIds", ids.into()),
        ]
    };
    let fields = form("30", "");
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, text)| (*name, &**text)).collect();
    let saved = browser.post("/settings", &fields).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text);
    let after = std::fs::read_to_string(place.server.places.conf()).unwrap();
    assert!(
        after.contains("Lang=RU\n") && after.contains("UsbIds=\n"),
        "{after}"
    );
    let query = crate::store::EventQuery {
        kinds: vec![crate::accounting::EventKind::SettingsChanged],
        limit: 10,
        ..crate::store::EventQuery::default()
    };
    let lines = place.server.journal.events(query).await.unwrap().rows;
    let event = &lines[0].event;
    assert_eq!(
        (&*event.user_name, &*event.computer_name),
        ("admin", "127.0.0.1")
    );
    assert!(event.data.contains("[Journal]") && !event.data.contains("30"));
    // Set back to what is usual, where the file says otherwise.
    let page = browser.get("/settings").await;
    let mark = page.field("mark");
    let fields = [
        ("token", &*token),
        ("mark", &*mark),
        ("Console.CheckDNSRebinding", "1"),
        ("UPKey.UsbIds", "1209:0001"),
    ];
    let saved = browser.post("/settings", &fields).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text);
    let after = std::fs::read_to_string(place.server.places.conf()).unwrap();
    assert!(after.contains("UsbIds=1209:0001\n"), "{after}");
}

#[tokio::test]
async fn a_module_that_the_server_loads_is_changed_at_its_own_computer_alone() {
    let place = place("[Console]\nPassword=secret12\nCheckDNSRebinding=1\n").await;
    for (address, status) in [
        ([192, 168, 7, 7], StatusCode::BAD_REQUEST),
        ([127, 0, 0, 1], StatusCode::SEE_OTHER),
    ] {
        let mut browser = Browser::new(&place);
        browser.address = address;
        browser.sign_in("admin", "secret12").await;
        let page = browser.get("/settings").await;
        let form = [
            ("token", &*page.token()),
            ("mark", &*page.field("mark")),
            ("Console.CheckDNSRebinding", "1"),
            ("UPKey.Pkcs11Module", "/opt/module.so"),
        ];
        let shown = browser.post("/settings", &form).await;
        assert_eq!(shown.status, status, "{address:?}: {}", shown.text);
        assert_eq!(
            shown.text.contains("на самом сервере"),
            status.is_client_error()
        );
    }
}

#[tokio::test]
async fn an_operation_goes_to_its_end_though_its_visitor_goes_away() {
    use futures_util::FutureExt;

    let place = place("").await;
    let key = (protocol::KeyId(0x672B), 7_131_766);
    let by = crate::accounting::Admin {
        user_name: "admin".into(),
        address: "127.0.0.1".into(),
        word: "".into(),
    };
    let left = place.server.switch_key(key, false, by).now_or_never();
    assert!(left.is_none(), "it waits for the disk");
    for _ in 0..1000 {
        if !place
            .server
            .read_licence(Some(key.0), key.1)
            .unwrap()
            .enabled
        {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the key is not off");
}

#[tokio::test]
async fn what_a_link_chose_stays_when_something_is_looked_for_in_it() {
    let place = place("").await;
    let mut browser = Browser::signed_in(&place).await;
    let session = "0123456789ABCDEF0123456789ABCDEF";
    let page = browser.get(&format!("/journal?session={session}")).await;
    assert_eq!(page.field("session"), session, "{}", page.text);
    let page = browser
        .get(&format!("/sessions?connection={session}"))
        .await;
    assert_eq!(page.field("connection"), session, "{}", page.text);
}
