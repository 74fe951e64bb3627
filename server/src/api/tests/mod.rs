//! The API through the real router: whole answers, lists, changes, the journal, who is let in.

mod changes;
mod description;
mod journal;
mod lists;
mod manual;
mod security;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use protocol::{
    KeyId,
    cryptkey::CryptKey,
    facts::{ComponentFacts, SessionFacts, SessionKey},
    licence::KeyType,
};
use serde_json::{Value, json};

use crate::{
    Addresses, Server,
    accounting::{
        Claim, Command, Connection, ConnectionId, Moment, OperationId, SessionId, TokenHash,
    },
    conf,
    keys::{self, tests as vendors},
};

pub(crate) const SERIES: KeyId = KeyId(0x672B);
pub(crate) const ADMIN: &str = "Basic YWRtaW46YWRtaW4=";

pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    vendor: CryptKey,
    pub(crate) server: Arc<Server>,
}

impl Place {
    /// A licence for this place, as the vendor sends it.
    pub(crate) fn issue(&self, key_no: u32, key_type: KeyType, count: u32) -> Vec<u8> {
        let request = self.server.keys.request(1_522_443_600).unwrap();
        vendors::issue(&self.vendor, &request, key_no, key_type, count)
    }

    pub(crate) async fn connect(&self) -> ConnectionId {
        let id = ConnectionId::random();
        let connection = Connection {
            id,
            facts: component(),
            peer_ip: "127.0.0.1".into(),
            created: Moment(1_522_764_419_317),
            access_code: "".into(),
            token: TokenHash([0; 32]),
            previous_token: None,
            owner: Some(self.server.id),
        };
        let connect = Command::Connect {
            operation: OperationId::random(),
            connection: Box::new(connection),
        };
        self.server.store.apply(SERIES, connect).await.unwrap();
        self.server.lives.add(id, SERIES);
        id
    }

    pub(crate) async fn acquire(
        &self,
        connection: ConnectionId,
        number: u32,
        user: &str,
    ) -> SessionId {
        let claim = Claim {
            operation: OperationId::random(),
            connection,
            session: SessionId::random(),
            facts: SessionFacts {
                key: SessionKey {
                    infobase: "Srvr=\"a\";Ref=\"b\";".into(),
                    number,
                    started: 1_522_764_419,
                },
                user_name: user.into(),
                computer_name: "MORA-HP".into(),
                app_name: "1CV8C".into(),
                parent: None,
                gathered_on_server: None,
            },
            flags: 0,
        };
        let session = claim.session;
        let acquire = Command::Acquire(Box::new(claim));
        self.server.store.apply(SERIES, acquire).await.unwrap();
        session
    }
}

pub(crate) async fn place(conf_text: &str) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let vendor = vendors::vendor(SERIES);
    let places = vendors::place(folder.path(), &vendor);
    std::fs::write(places.conf(), conf_text).unwrap();
    let server = Server::open(places.clone(), conf::load(&places.conf()).unwrap())
        .await
        .unwrap();
    let place = Place {
        folder,
        vendor,
        server,
    };
    let file = place.folder.path().join("a.licence");
    std::fs::write(&file, place.issue(7_131_766, KeyType::Main, 5)).unwrap();
    keys::install(&place.server.keys, &file).unwrap();
    place.server.keys_changed().await.unwrap();
    place
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

pub(crate) async fn ask(
    place: &Place,
    method: Method,
    path: &str,
    credential: Option<&str>,
) -> Reply {
    ask_from([127, 0, 0, 1], place, method, path, credential).await
}

/// The same from an address of the network.
pub(crate) async fn ask_from(
    address: [u8; 4],
    place: &Place,
    method: Method,
    path: &str,
    credential: Option<&str>,
) -> Reply {
    send(address, place, method, path, credential, Body::empty()).await
}

pub(crate) async fn send(
    address: [u8; 4],
    place: &Place,
    method: Method,
    path: &str,
    credential: Option<&str>,
    body: impl Into<Body>,
) -> Reply {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(credential) = credential {
        request = request.header(header::AUTHORIZATION, credential);
    }
    let request = request.body(body.into()).unwrap();
    let response = Addresses::new(Arc::clone(&place.server))
        .answer(SocketAddr::from((address, 5)), request)
        .await;
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Reply {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

/// Sends JSON as the administrator at the computer itself.
async fn tell(place: &Place, method: Method, path: &str, body: &Value) -> Reply {
    send(
        [127, 0, 0, 1],
        place,
        method,
        path,
        Some(ADMIN),
        body.to_string(),
    )
    .await
}

async fn get(place: &Place, path: &str) -> Reply {
    let reply = ask(place, Method::GET, path, Some(ADMIN)).await;
    assert_eq!(reply.headers[header::CONTENT_TYPE], "application/json");
    reply
}

pub(crate) fn component() -> ComponentFacts {
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
