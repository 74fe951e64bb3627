//! The licence centre's doors: the administrator's API, its limits, and a proxy on the way to it; all programs are the real ones.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use licence::{scene::PATIENCE, vendor::Vendor};
use protocol::{
    KeyId,
    centre::{CentreReason, Message, Reply, Update},
    signature::{Algorithm, SigningKey},
};
use serde_json::{Value, json};

fn running() -> Vendor {
    let mut vendor = Vendor::new();
    vendor.start(&[]);
    vendor
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .into()
}

fn answered(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, Value) {
    let mut answer = answer.unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    let json = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (answer.status().as_u16(), json)
}

fn get(vendor: &Vendor, path: &str, token: &str) -> (u16, Value) {
    let request = agent().get(format!("{}{path}", vendor.url()));
    answered(
        request
            .header("Authorization", format!("Bearer {token}"))
            .call(),
    )
}

fn post(vendor: &Vendor, path: &str, token: &str, body: &Value) -> (u16, Value) {
    let request = agent().post(format!("{}{path}", vendor.url()));
    answered(
        request
            .header("Authorization", format!("Bearer {token}"))
            .content_type("application/json")
            .send(body.to_string()),
    )
}

#[test]
fn the_administrators_api_issues_lists_and_revokes_by_a_token_and_describes_itself() {
    let vendor = running();
    let token = vendor.centre(&["token", "add", "shop"]).trim().to_owned();
    let (status, api) = get(&vendor, "/admin/v1/openapi.json", "");
    assert_eq!(status, 200);
    // Each operation that is described is there, and asks for a token.
    let mut operations = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        let real = path.replace("{KeyNo}", "1");
        for method in item.as_object().unwrap().keys() {
            operations.push(format!("{method} {path}"));
            let (status, error) = match method.as_str() {
                "get" => get(&vendor, &real, "lct_wrong"),
                _ => post(&vendor, &real, "lct_wrong", &json!({})),
            };
            assert_eq!(status, 401, "{method} {path}");
            assert!(error["error"].is_string() && error["error_ru"].is_string());
        }
    }
    operations.sort();
    assert_eq!(
        operations,
        [
            "get /admin/v1/codes",
            "get /admin/v1/journal",
            "get /admin/v1/report",
            "post /admin/v1/codes",
            "post /admin/v1/codes/revoke",
            "post /admin/v1/keys/{KeyNo}/revoke",
        ]
    );
    let order = json!({"series": "672B", "count": 2, "offer": {"seats": 5}, "order": "15"});
    let (status, issued) = post(&vendor, "/admin/v1/codes", &token, &order);
    assert_eq!(status, 201, "{issued}");
    let code = issued["codes"][0]["code"].as_str().unwrap().to_owned();
    let computer = vendor.computer("app");
    assert!(computer.activate(&code).contains("5 seats"));
    let (_, listed) = get(&vendor, "/admin/v1/codes?order=15", &token);
    assert_eq!(listed["codes"].as_array().unwrap().len(), 2);
    assert!(!listed.to_string().contains(&code), "codes are not kept");
    let revoke = json!({ "code": code });
    let (status, revoked) = post(&vendor, "/admin/v1/codes/revoke", &token, &revoke);
    assert_eq!((status, &revoked["key_no"]), (200, &json!(1_000_001)));
    let said = computer.fails(&["update"]);
    assert!(said.contains("took this key back"), "{said}");
    let (status, _) = post(&vendor, "/admin/v1/keys/1000002/revoke", &token, &json!({}));
    assert_eq!(status, 200);
    let (_, report) = get(&vendor, "/admin/v1/report", &token);
    assert!(report["series"][0].is_object(), "{report}");
    let (_, journal) = get(&vendor, "/admin/v1/journal?limit=1", &token);
    assert_eq!(journal["entries"][0]["who"], "api:shop");
    // What is wrong is told, and nothing is done.
    for (path, body, expected) in [
        (
            "/admin/v1/codes",
            json!({"series": "672B", "count": 0, "offer": {}}),
            400,
        ),
        (
            "/admin/v1/codes",
            json!({"series": "0001", "count": 1, "offer": {}}),
            404,
        ),
        (
            "/admin/v1/codes",
            json!({"series": "x", "count": 1, "offer": {}}),
            400,
        ),
        (
            "/admin/v1/codes",
            json!({"series": "672B", "count": 1, "offer": {"key_type": 9}}),
            400,
        ),
        (
            "/admin/v1/codes",
            json!({"series": "672B", "count": 1, "article": "none"}),
            404,
        ),
        (
            "/admin/v1/codes",
            json!({"series": "672B", "count": 1}),
            400,
        ),
        ("/admin/v1/codes/revoke", json!({"code": "1"}), 400),
        (
            "/admin/v1/codes/revoke",
            json!({"code": "0246-8ACE-GJMP-RTWY-X1CD"}),
            404,
        ),
        ("/admin/v1/keys/1/revoke", json!({}), 404),
    ] {
        let (status, error) = post(&vendor, path, &token, &body);
        assert_eq!(status, expected, "{path} {body}: {error}");
    }
    let (_, listed) = get(&vendor, "/admin/v1/codes", &token);
    assert_eq!(listed["codes"].as_array().unwrap().len(), 2);
    vendor.centre(&["token", "revoke", "shop"]);
    assert_eq!(get(&vendor, "/admin/v1/report", &token).0, 401);
}

#[test]
fn who_tries_keys_that_are_not_his_has_to_wait() {
    let vendor = running();
    let holder = SigningKey::generate(Algorithm::Ed25519);
    let ask = |key_no: u32| {
        let update = Update {
            id: protocol::random_bytes(),
            created_at: 0,
            holder: holder.public().unwrap(),
            key_id: KeyId(0x672B),
            key_no,
            voucher: [0; 32],
            server: [0; 32],
            computer_id: "x".into(),
            computer_name: "x".into(),
            version: "3.0.1.1".into(),
            facts: Vec::new(),
            code: None,
        };
        let bytes = Message::Update(Box::new(update)).to_bytes(&holder).unwrap();
        let url = format!("{}{}", vendor.url(), protocol::centre::PATH);
        let mut answer = agent().post(url).send(&bytes[..]).unwrap();
        let body = answer.body_mut().read_to_vec().unwrap();
        let Reply::Refusal(refusal) = Reply::from_bytes(&body).unwrap() else {
            panic!()
        };
        (answer.status().as_u16(), refusal.reason)
    };
    for key_no in 0..20 {
        assert_eq!(ask(key_no), (409, CentreReason::UnknownKey as u16));
    }
    assert_eq!(ask(20), (429, CentreReason::TooManyRequests as u16));
}

/// A proxy that knows one name, and counts who goes through it.
fn proxy(name: &'static str, to: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    // It ends with the test's process.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (to, counted) = (to.clone(), Arc::clone(&counted));
            thread::spawn(move || pass(stream, name, &to, &counted));
        }
    });
    (url, count)
}

fn pass(mut stream: TcpStream, name: &str, to: &str, counted: &AtomicUsize) -> Option<()> {
    let mut head = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    head.read_line(&mut first).ok()?;
    let mut line = String::new();
    while head.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    if !first.starts_with(&format!("CONNECT {name}:")) {
        return stream.write_all(b"HTTP/1.1 403 No\r\n\r\n").ok();
    }
    counted.fetch_add(1, Ordering::SeqCst);
    let mut server = TcpStream::connect(to).ok()?;
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let (mut from_server, mut to_client) = (server.try_clone().ok()?, stream.try_clone().ok()?);
    thread::spawn(move || {
        let _ = std::io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(std::net::Shutdown::Both);
    });
    let mut buffer = [0; 4096];
    loop {
        let read = head.read(&mut buffer).ok().filter(|read| *read > 0)?;
        server.write_all(&buffer[..read]).ok()?;
    }
}

#[test]
fn through_the_systems_proxy_when_that_is_set_and_only_then() {
    let mut vendor = Vendor::new();
    let name = "centre.licence.test";
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let (chain, key) = (vendor.path("chain.pem"), vendor.path("key.pem"));
    fs::write(&chain, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (chain, key) = (chain.to_str().unwrap(), key.to_str().unwrap());
    vendor.start(&["--tls-cert", chain, "--tls-key", key]);
    let address = vendor.url().strip_prefix("https://").unwrap().to_owned();
    let port = address.rsplit(':').next().unwrap();
    let (proxy, through) = proxy(name, address.clone());
    let computer = vendor.computer("app");
    let set = |on: u8| {
        computer.set(&format!(
            "LicenceCenterUrl=https://{name}:{port}\nLicenceCenterCertificates={chain}\nLicenceCenterUseProxy={on}\n"
        ));
    };
    let code = vendor.code(1);
    let activate = || {
        let mut command = computer.command(&["activate", &code]);
        let output = command.env("HTTPS_PROXY", &proxy).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    // The name is known to the proxy alone.
    set(0);
    let (done, said) = activate();
    assert!(!done && said.contains("cannot be reached"), "{said}");
    assert_eq!(through.load(Ordering::SeqCst), 0);
    set(1);
    let (done, said) = activate();
    assert!(done, "{said}");
    assert_eq!(through.load(Ordering::SeqCst), 1);
    // A proxy that does not let anybody through.
    computer.set(&format!(
        "LicenceCenterUrl=https://other.licence.test:{port}\nLicenceCenterUseProxy=1\n"
    ));
    let (done, said) = activate();
    assert!(!done && said.contains("proxy"), "{said}");
}
