//! POST /component/v1/handshake: a new channel.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    body::Bytes,
    extract::{ConnectInfo, State},
    http::{HeaderMap, header},
    response::Response,
};
use protocol::{
    Reason, Version,
    wire::{
        PROTOCOL,
        frame::Frame,
        handshake::{ServerHello, respond},
    },
};

use super::{framed, refusal};
use crate::server::{Server, now};

/// Answers a component's first message with the server's proof and a channel.
pub async fn handshake(
    State(server): State<Arc<Server>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    framed(answer(&server, peer.ip(), &headers, &body))
}

fn answer(server: &Server, peer: IpAddr, headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let Ok(Frame::HandshakeRequest { clear, noise }) = Frame::from_bytes(body) else {
        return refusal::bad_message();
    };
    let Ok(version) = clear.version.parse::<Version>() else {
        return refusal::bad_message();
    };
    if let Err(older) = Version::CURRENT.works_with(version) {
        return refusal::old_version(&clear.version, older);
    }
    if clear.protocol != PROTOCOL {
        let older = if clear.protocol > PROTOCOL {
            protocol::version::Older::This
        } else {
            protocol::version::Older::Other
        };
        return refusal::old_version(&clear.version, older);
    }
    if !server.channels.has_room(peer) {
        return refusal::busy();
    }
    let moment = now();
    let credential = match server
        .keys
        .any_credential(clear.key_id, server.clock.now(), moment)
    {
        Ok(credential) => credential,
        Err(reason) => return refusal::no_key(reason, clear.key_id),
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let hello = ServerHello {
        version: Version::CURRENT.to_string(),
        now: moment.seconds(),
        credential: credential.as_ref().clone(),
    };
    let id = protocol::random_bytes();
    match respond(
        &clear,
        &noise,
        host,
        &server.keys.instance.secret,
        id,
        &hello,
    ) {
        Ok((sealer, reply)) => {
            server.channels.add(id, clear.key_id, sealer, peer);
            reply.to_bytes()
        }
        Err(error) => {
            log::warn!("a handshake of series {} failed: {error}", clear.key_id);
            refusal::refusal(
                Reason::HandshakeFailed,
                "The handshake failed: the message was altered on the way.",
                "Рукопожатие не удалось: сообщение изменено в пути.",
            )
        }
    }
}
