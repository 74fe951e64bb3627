//! Whole answers of the API against the manual's samples, through the real router.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use protocol::{
    KeyId,
    facts::{ComponentFacts, SessionFacts, SessionKey},
    licence::KeyType,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{
    Server,
    accounting::{
        Claim, Command, Connection, ConnectionId, Moment, OperationId, SessionId, TokenHash,
    },
    conf,
    keys::{self, tests as vendors},
};

const SERIES: KeyId = KeyId(0x672B);
const ADMIN: &str = "Basic YWRtaW46YWRtaW4=";

struct Place {
    _folder: tempfile::TempDir,
    server: Arc<Server>,
}

async fn place(conf_text: &str) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let vendor = vendors::vendor(SERIES);
    let places = vendors::place(folder.path(), &vendor);
    std::fs::write(places.conf(), conf_text).unwrap();
    let server = Server::open(places.clone(), conf::load(&places.conf()).unwrap())
        .await
        .unwrap();
    let request = server.keys.request(1_522_443_600).unwrap();
    let file = folder.path().join("a.licence");
    std::fs::write(
        &file,
        vendors::issue(&vendor, &request, 7_131_766, KeyType::Main, 5),
    )
    .unwrap();
    keys::install(&server.keys, &file).unwrap();
    server.keys_changed().await.unwrap();
    Place {
        _folder: folder,
        server,
    }
}

struct Reply {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The names of the fields in the order in which they stand in the text.
    fn names(&self) -> Vec<String> {
        let ordered: Vec<&str> = self
            .text
            .trim_start_matches('{')
            .trim_end_matches('}')
            .split(",\"")
            .collect();
        ordered
            .iter()
            .map(|part| {
                part.trim_start_matches('"')
                    .split("\":")
                    .next()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }
}

async fn ask(place: &Place, method: Method, path: &str, credential: Option<&str>) -> Reply {
    ask_from([127, 0, 0, 1], place, method, path, credential).await
}

/// The same from an address of the network.
async fn ask_from(
    address: [u8; 4],
    place: &Place,
    method: Method,
    path: &str,
    credential: Option<&str>,
) -> Reply {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(credential) = credential {
        request = request.header(header::AUTHORIZATION, credential);
    }
    let mut request = request.body(Body::empty()).unwrap();
    request
        .extensions_mut()
        .insert(ConnectInfo(SocketAddr::from((address, 5))));
    let response = crate::router(Arc::clone(&place.server))
        .oneshot(request)
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Reply {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

async fn get(place: &Place, path: &str) -> Reply {
    let reply = ask(place, Method::GET, path, Some(ADMIN)).await;
    assert_eq!(reply.headers[header::CONTENT_TYPE], "application/json");
    reply
}

fn component() -> ComponentFacts {
    ComponentFacts {
        os_version: "Windows 10 10.0.16299 (x86_64)".into(),
        computer_name: "MORA-HP".into(),
        local_ip: "192.168.56.1,192.168.1.38".into(),
        process: "C:\\Program Files (x86)\\1cv8\\8.3.11.2954\\bin\\1cv8c.exe".into(),
        cpu: "i386".into(),
        pid: 8236,
        is_server: false,
        platform_version: "8.3.11.2954".into(),
        module_name: "C:\\Users\\MORA\\AppData\\Local\\Temp\\v8_3F2F_d.tmp".into(),
        version: "3.0.15.7522".into(),
        computer_id: "AA".into(),
        terminal: None,
    }
}

#[tokio::test]
async fn the_list_of_addresses_is_the_manuals() {
    let place = place("").await;
    let reply = get(&place, "/api").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(
        reply.text,
        format!(
            r#"{{"Version":"{}","Urns":["/api/serverinfo","/api/licences","/api/connections","/api/sessions"]}}"#,
            protocol::Version::CURRENT
        )
    );
}

#[tokio::test]
async fn the_server_describes_itself_with_the_manuals_fields() {
    let place = place("").await;
    let reply = get(&place, "/api/serverinfo").await;
    assert_eq!(
        reply.json().as_object().unwrap().len(),
        [
            "ComputerName",
            "LocalIP",
            "OSType",
            "OSVersion",
            "ModuleName",
            "PID",
            "CPU",
            "Version",
            "Started",
            "ComputerID"
        ]
        .iter()
        .filter(|name| !reply.json()[**name].is_null())
        .count()
    );
    assert_eq!(reply.json()["PID"], json!(std::process::id()));
    let started = reply.json()["Started"].as_str().unwrap().to_owned();
    assert_eq!((started.len(), started.ends_with('Z')), (24, true));
}

#[tokio::test]
async fn a_licence_is_shown_with_the_manuals_fields_in_its_order_and_types() {
    let place = place("").await;
    let reply = get(&place, "/api/licences/7131766").await;
    let mut json = reply.json();
    assert!(
        json["FileName"]
            .as_str()
            .unwrap()
            .ends_with("672B.7131766.licence")
    );
    json["FileName"] = json!("x");
    assert_eq!(
        json,
        json!({
            "Type": "Virtual", "FileName": "x", "Enabled": true, "IsBlank": false, "Workable": true,
            "OpenError": null, "Version": "1", "KeyNo": 7131766, "KeyID": "672B", "RegNo": 202, "KeyType": 3,
            "ServiceType": 0, "LicenceCount": 5, "ProductVersion": 0, "BlankKeyNo": null, "ActivationCode": null,
            "ActivationDate": null, "StartDate": null, "Period": 0, "ExpireDate": null, "DaysLeft": null,
            "Expired": false, "Flags": "00000000000000000000000000000101", "ITN": 123456789, "IEC": null,
            "ProductName": "Тестовая серия", "Article": null, "ArticleName": null, "SupportDate": null,
            "SupportPeriod": null, "IndustrySupportDate": null, "IndustrySupportPeriod": null,
            "ProductVersionName": null, "Recovered": false, "UpdateDate": null, "ITNText": "0123456789",
        })
    );
    let manual = [
        "Type",
        "FileName",
        "Enabled",
        "IsBlank",
        "Workable",
        "OpenError",
        "Version",
        "KeyNo",
        "KeyID",
        "RegNo",
        "KeyType",
        "ServiceType",
        "LicenceCount",
        "ProductVersion",
        "BlankKeyNo",
        "ActivationCode",
        "ActivationDate",
        "StartDate",
        "Period",
        "ExpireDate",
        "DaysLeft",
        "Expired",
        "Flags",
        "ITN",
        "IEC",
        "ProductName",
        "Article",
        "ArticleName",
    ];
    assert_eq!(reply.names()[..manual.len()], manual);
    let list = get(&place, "/api/licences").await.json();
    assert_eq!(list["Licences"][0]["KeyNo"], 7131766);
    assert_eq!(list.as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn a_connection_and_its_session_are_shown_and_gone_ones_are_404() {
    let place = place("").await;
    let id = ConnectionId::random();
    let connection = Connection {
        id,
        facts: component(),
        peer_ip: "127.0.0.1".into(),
        created: Moment(1_522_764_419_317),
        access_code: "".into(),
        token: TokenHash([0; 32]),
        previous_token: None,
    };
    place
        .server
        .store
        .apply(
            SERIES,
            Command::Connect {
                operation: OperationId::random(),
                connection: Box::new(connection),
            },
        )
        .await
        .unwrap();
    place.server.lives.add(id, SERIES);
    let reply = get(&place, &format!("/api/connections/{id}")).await;
    let mut json = reply.json();
    for name in ["LastUsed", "ExpireTime"] {
        assert_eq!(json[name].as_str().unwrap().len(), 24);
        json[name] = json!("x");
    }
    assert_eq!(
        json,
        json!({
            "ID": id.to_string(), "PeerIP": "127.0.0.1", "Created": "2018-04-03T14:06:59.317Z", "LastUsed": "x",
            "OSVersion": "Windows 10 10.0.16299 (x86_64)", "ComputerName": "MORA-HP",
            "LocalIP": "192.168.56.1,192.168.1.38",
            "Process": "C:\\Program Files (x86)\\1cv8\\8.3.11.2954\\bin\\1cv8c.exe", "CPU": "i386", "PID": "8236",
            "IsServer": false, "PlatformVersion": "8.3.11.2954",
            "ModuleName": "C:\\Users\\MORA\\AppData\\Local\\Temp\\v8_3F2F_d.tmp", "Version": "3.0.15.7522",
            "KeyID": "672B", "ExpireTime": "x", "Expired": "False",
        })
    );
    let claim = Claim {
        operation: OperationId::random(),
        connection: id,
        session: SessionId::random(),
        facts: SessionFacts {
            key: SessionKey {
                infobase: "Srvr=\"a\";Ref=\"b\";".into(),
                number: 6,
                started: 1_522_764_419,
            },
            user_name: "Иванов".into(),
            computer_name: "MORA-HP".into(),
            app_name: "1CV8C".into(),
            parent: None,
            gathered_on_server: None,
        },
        flags: 0,
    };
    let session = claim.session;
    place
        .server
        .store
        .apply(SERIES, Command::Acquire(Box::new(claim)))
        .await
        .unwrap();
    let mut json = get(&place, &format!("/api/sessions/{session}"))
        .await
        .json();
    json["ExpireTime"] = json!("x");
    assert_eq!(
        json,
        json!({
            "ID": session.to_string(), "SessionConnection": id.to_string(), "SessionNumber": "6",
            "SessionStarted": "2018-04-03T14:06:59.000Z", "InfoBaseConnectionStr": "Srvr=\"a\";Ref=\"b\";",
            "ComputerName": "MORA-HP", "AppName": "1CV8C", "UserName": "Иванов", "IsServer": false,
            "AccessCode": "", "KeyID": "672B", "ExpireTime": "x", "Expired": "False", "UsedLicence": "7131766",
        })
    );
    assert_eq!(
        get(&place, "/api/sessions").await.json()["Sessions"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        get(&place, "/api/connections").await.json()["Connections"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let gone = format!("/api/sessions/{}", SessionId::random());
    assert_eq!(
        get(&place, &gone).await.json(),
        json!({
            "Code": 404, "Text": "Not found",
            "Message": format!("(EHTTPNotFound) The requested URL \"{gone}\" was not found."),
            "Exception": "EHTTPNotFound",
        })
    );
}

#[tokio::test]
async fn every_error_has_the_manuals_body() {
    let place = place("").await;
    let reply = ask(&place, Method::GET, "/api/someurl", Some(ADMIN)).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert_eq!(
        reply.text,
        r#"{"Code":404,"Text":"Not found","Message":"(EHTTPNotFound) The requested URL \"/api/someurl\" was not found.","Exception":"EHTTPNotFound"}"#
    );
    for (method, path, credential, status) in [
        (Method::GET, "/api", None, 401),
        (Method::GET, "/api", Some("Basic YWRtaW46d3Jvbmc="), 401),
        (Method::GET, "/api", Some("Bearer x"), 401),
        (Method::GET, "/api/someurl", None, 401),
        (Method::PUT, "/api/serverinfo", Some(ADMIN), 501),
        (Method::GET, "/api/licences/x", Some(ADMIN), 404),
        (Method::GET, "/api/licences/1", Some(ADMIN), 404),
        (Method::GET, "/nowhere", None, 404),
    ] {
        let reply = ask(&place, method, path, credential).await;
        assert_eq!(reply.status, status, "{path}");
        assert_eq!(reply.json()["Code"], status, "{path}");
        assert_eq!(
            reply.headers.contains_key(header::WWW_AUTHENTICATE),
            status == 401
        );
    }
}

#[tokio::test]
async fn head_and_options_are_answered() {
    let place = place("").await;
    let reply = ask(&place, Method::HEAD, "/api", Some(ADMIN)).await;
    assert_eq!((reply.status, reply.text.as_str()), (StatusCode::OK, ""));
    let reply = ask(&place, Method::OPTIONS, "/api/licences", None).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.headers[header::ALLOW], "GET, HEAD, OPTIONS");
}

#[tokio::test]
async fn a_switched_off_api_answers_503_before_it_asks_for_a_password() {
    let place = place("[API]\nEnabled=0\n").await;
    let reply = ask(&place, Method::GET, "/api", None).await;
    assert_eq!(reply.json()["Code"], 503);
    assert_eq!(
        ask(&place, Method::GET, "/systeminfo", None).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_refused_with_403() {
    let place = place("[Console]\nAllowedAddresses=192.168.0.0/16\n").await;
    for path in ["/api", "/systeminfo"] {
        let far = ask_from([10, 0, 0, 9], &place, Method::GET, path, Some(ADMIN)).await;
        assert_eq!(
            (far.status, &far.json()["Code"]),
            (StatusCode::FORBIDDEN, &json!(403))
        );
        let near = ask_from([192, 168, 7, 9], &place, Method::GET, path, Some(ADMIN)).await;
        assert_eq!(near.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn while_the_password_is_the_default_one_only_this_computer_changes_anything() {
    let default = place("").await;
    let far = [10, 0, 0, 9];
    let reply = ask_from(far, &default, Method::PUT, "/api/serverinfo", Some(ADMIN)).await;
    assert_eq!(reply.json()["Code"], 403);
    assert!(
        reply.text.contains("The password is the default one"),
        "{}",
        reply.text
    );
    let reply = ask_from(far, &default, Method::GET, "/api", Some(ADMIN)).await;
    assert!(
        reply.headers.contains_key(header::WARNING),
        "it is said each time"
    );
    let reply = ask(&default, Method::PUT, "/api/serverinfo", Some(ADMIN)).await;
    assert_eq!(
        reply.status,
        StatusCode::NOT_IMPLEMENTED,
        "nobody stood in the way"
    );
    let changed = place("[Console]\nPassword=other\n").await;
    let other = "Basic YWRtaW46b3RoZXI=";
    let reply = ask_from(far, &changed, Method::PUT, "/api/serverinfo", Some(other)).await;
    assert_eq!(reply.status, StatusCode::NOT_IMPLEMENTED);
    let reply = ask_from(far, &changed, Method::GET, "/api", Some(other)).await;
    assert!(!reply.headers.contains_key(header::WARNING));
    let reply = ask_from(far, &changed, Method::GET, "/api", Some(ADMIN)).await;
    assert_eq!(
        reply.status,
        StatusCode::UNAUTHORIZED,
        "the default works no more"
    );
}

#[tokio::test]
async fn wrong_passwords_throttle_an_address_but_not_this_computer_nor_who_signed_in_lately() {
    let place = place("[Console]\nPassword=other\n").await;
    let right = "Basic YWRtaW46b3RoZXI=";
    let (near, far) = ([10, 0, 0, 1], [10, 0, 0, 9]);
    for _ in 0..10 {
        let reply = ask_from(far, &place, Method::GET, "/api", Some(ADMIN)).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    }
    let reply = ask_from(far, &place, Method::GET, "/api", Some(right)).await;
    assert_eq!(
        reply.status,
        StatusCode::FORBIDDEN,
        "even the right one waits"
    );
    for _ in 0..12 {
        let reply = ask(&place, Method::GET, "/api", Some(ADMIN)).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    }
    let reply = ask(&place, Method::GET, "/api", Some(right)).await;
    assert_eq!(reply.status, StatusCode::OK);
    for address in [near, far] {
        let reply = ask_from(address, &place, Method::GET, "/api", Some(right)).await;
        assert_eq!(
            reply.status,
            StatusCode::OK,
            "the credential is known for five minutes"
        );
    }
}

#[tokio::test]
async fn answers_tell_browsers_to_keep_away_and_to_keep_nothing() {
    let place = place("").await;
    for (path, credential) in [
        ("/api", Some(ADMIN)),
        ("/api", None),
        ("/nowhere", None),
        ("/systeminfo", None),
    ] {
        let reply = ask(&place, Method::GET, path, credential).await;
        let header = |name: &str| reply.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(header("x-frame-options"), Some("DENY"));
        assert_eq!(header("cache-control"), Some("no-store"));
        assert_eq!(header("cross-origin-resource-policy"), Some("same-origin"));
        assert!(
            header("content-security-policy")
                .unwrap()
                .starts_with("default-src 'none'")
        );
        assert!(
            reply
                .headers
                .keys()
                .all(|name| !name.as_str().starts_with("access-control"))
        );
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_with_a_body() {
    let place = place("").await;
    let path = format!("/api?x={}", "y".repeat(20_000));
    let reply = ask(&place, Method::GET, &path, Some(ADMIN)).await;
    assert_eq!(reply.json()["Code"], 400);
}
