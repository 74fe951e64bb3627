//! The two HTTP paths that components use.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::{ConnectInfo, DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use protocol::{
    Reason, Version, envelope,
    version::Older,
    wire::{
        CONTENT_TYPE, HANDSHAKE_PATH, MAX_BODY, MESSAGE_PATH, PROTOCOL,
        channel::{Plain, PlainAnswer},
        frame::{Clear, Frame, Refusal},
        handshake::{ServerHello, respond},
        message::{Answer, Denied, Request},
    },
};

use super::{
    Component,
    channel::{Admitted, Channel, Part},
    now, refusal,
};

/// The routes of the component's side.
pub fn router(component: Arc<Component>) -> Router {
    Router::new()
        .route(HANDSHAKE_PATH, post(handshake))
        .route(MESSAGE_PATH, post(message))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(component)
}

fn framed(status: StatusCode, bytes: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], bytes).into_response()
}

fn refused(refusal: Refusal) -> Response {
    let status = match refusal.reason {
        Reason::ServerBusy | Reason::StoreFailed => StatusCode::SERVICE_UNAVAILABLE,
        Reason::NoLicence | Reason::UnknownChannel => StatusCode::NOT_FOUND,
        Reason::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    framed(status, Frame::Refusal(refusal).to_bytes())
}

fn plainly(reason: Reason, english: &str, russian: &str) -> Response {
    refused(Refusal {
        reason,
        english: english.into(),
        russian: russian.into(),
    })
}

fn bad_message() -> Response {
    plainly(
        Reason::BadMessage,
        "the message is damaged",
        "сообщение повреждено",
    )
}

async fn handshake(
    State(component): State<Arc<Component>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(Frame::HandshakeRequest { clear, noise }) = Frame::from_bytes(&body) else {
        return bad_message();
    };
    if let Err(refusal) = check_version(&clear) {
        return refused(refusal);
    }
    let now = now();
    let credential = match component.keys.any_credential(clear.key_id, now) {
        Ok(credential) => (*credential).clone(),
        Err(reason) => return refused(refusal(reason, clear.key_id)),
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let hello = ServerHello {
        version: Version::CURRENT.to_string(),
        now: now.seconds(),
        credential,
    };
    let id = protocol::random_bytes();
    match respond(
        &clear,
        &noise,
        host,
        &component.keys.instance.secret,
        id,
        &hello,
    ) {
        Ok((sealer, reply)) => {
            let channel = Channel::new(clear.key_id, peer.ip().to_canonical().to_string(), sealer);
            if component.channels.insert(id, channel) {
                framed(StatusCode::OK, reply.to_bytes())
            } else {
                plainly(
                    Reason::ServerBusy,
                    "the server has too many connections; try again later",
                    "у сервера слишком много соединений; повторите позже",
                )
            }
        }
        Err(error) => {
            log::info!("a handshake of {} failed: {error}", peer.ip());
            plainly(
                Reason::HandshakeFailed,
                "the handshake failed: the message was altered on the way",
                "рукопожатие не удалось: сообщение изменено по пути",
            )
        }
    }
}

/// `OldVersion` stands in the text, so that monitors and old components find it.
fn check_version(clear: &Clear) -> Result<(), Refusal> {
    let ours = Version::CURRENT;
    let older = match clear.version.parse::<Version>() {
        Ok(theirs) => match ours.works_with(theirs) {
            Ok(()) if clear.protocol == PROTOCOL => return Ok(()),
            Ok(()) if clear.protocol < PROTOCOL => Older::Other,
            Ok(()) => Older::This,
            Err(older) => older,
        },
        Err(_) => Older::Other,
    };
    let theirs: String = clear
        .version
        .chars()
        .filter(|letter| !letter.is_control())
        .take(32)
        .collect();
    let (english, russian) = match older {
        Older::This => (
            format!(
                "OldVersion: the server ({ours}) is older than the component ({theirs}); update the server"
            ),
            format!("OldVersion: сервер ({ours}) старее компоненты ({theirs}); обновите сервер"),
        ),
        Older::Other => (
            format!(
                "OldVersion: the component ({theirs}) is older than the server ({ours}); update the component"
            ),
            format!(
                "OldVersion: компонента ({theirs}) старее сервера ({ours}); обновите компоненту"
            ),
        ),
    };
    Err(Refusal {
        reason: Reason::OldVersion,
        english,
        russian,
    })
}

async fn message(State(component): State<Arc<Component>>, body: Bytes) -> Response {
    let Ok(Frame::Request {
        channel,
        number,
        noise,
    }) = Frame::from_bytes(&body)
    else {
        return bad_message();
    };
    let Some(channel) = component.channels.get(&channel) else {
        return plainly(
            Reason::UnknownChannel,
            "the server does not know the channel; make a new handshake",
            "серверу неизвестен канал; выполните рукопожатие заново",
        );
    };
    // A task of its own: a component that hangs up must not stop what it asked for half-way.
    let work = tokio::spawn(async move { answer(&component, &channel, number, &noise).await });
    match work.await {
        Ok(Some(noise)) => framed(
            StatusCode::OK,
            Frame::Reply {
                number,
                noise: noise.to_vec(),
            }
            .to_bytes(),
        ),
        Ok(None) => plainly(
            Reason::BadRequestNumber,
            "the request's number or bytes do not fit the channel",
            "номер или содержимое запроса не подходят к каналу",
        ),
        Err(_) => plainly(
            Reason::Internal,
            "a fault inside the server; see its log",
            "сбой внутри сервера; см. журнал",
        ),
    }
}

async fn answer(
    component: &Component,
    channel: &Channel,
    number: u64,
    sealed: &[u8],
) -> Option<Arc<[u8]>> {
    let plain = match channel.admit(number, sealed).await {
        Admitted::New(plain) => plain,
        Admitted::Answered(answer) => return Some(answer),
        Admitted::Refused => return None,
    };
    let payload = match plain {
        Plain::Whole { payload, .. } => payload,
        Plain::More {
            number: of, index, ..
        } => {
            return channel.answer(number, &channel.further_part(of, index));
        }
        Plain::Part {
            transfer,
            index,
            count,
            bytes,
            ..
        } => match channel.add_part(transfer, index, count, bytes) {
            Part::Missing => return channel.answer(number, &PlainAnswer::Continue),
            Part::Whole(payload) => payload,
            Part::Refused => Vec::new(),
        },
    };
    let answer = match envelope::from_cbor::<Request>(&payload) {
        Ok(request) if request.check().is_ok() => component.dispatch(channel, request).await,
        _ => Answer::Denied(Denied::because(Reason::BadMessage)),
    };
    channel.answer(
        number,
        &channel.first_part(number, envelope::to_cbor(&answer)),
    )
}
