//! POST /component/v1/message: one numbered request in a channel, answered exactly once.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    body::{Bytes, HttpBody},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use protocol::{
    Reason, envelope,
    wire::{
        MAX_BODY,
        channel::{Plain, PlainAnswer},
        frame::Frame,
        message::{Answer, Denied, Request},
        window::Admission,
    },
};
use tower::BoxError;

use super::{Channel, channels::PartError, framed, refusal, requests};
use crate::server::Server;

/// Opens a request, has it worked on once, and answers. A repetition gets the same bytes.
pub async fn message<B>(server: &Arc<Server>, peer: SocketAddr, body: B) -> Response
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => framed(answer(server, peer, &body.to_bytes()).await),
        Err(error) if error.is::<LengthLimitError>() => {
            StatusCode::PAYLOAD_TOO_LARGE.into_response()
        }
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn answer(server: &Arc<Server>, peer: SocketAddr, body: &[u8]) -> Vec<u8> {
    let Ok(Frame::Request {
        channel,
        number,
        noise,
    }) = Frame::from_bytes(body)
    else {
        return refusal::bad_message();
    };
    let Some(channel) = server.channels.get(&channel) else {
        return refusal::unknown_channel();
    };
    if !channel.touch() {
        return refusal::unknown_channel();
    }
    // Opened before it is admitted: a stranger who saw the channel's id spoils no number of its component.
    let opened = channel.sealer.open(number, &noise).ok();
    let Some(plain) = opened.and_then(|bytes| Plain::from_bytes(&bytes).ok()) else {
        return refusal::bad_message();
    };
    let hash = protocol::sha256(&noise);
    // A first sight of a number waits for nobody.
    let mut admission = channel.window.lock().admit(number, hash);
    while admission == Admission::UnderWay {
        let woken = channel.answered.notified();
        tokio::pin!(woken);
        // Enabled before the next look at the window: an answer between the two is not missed.
        woken.as_mut().enable();
        admission = channel.window.lock().admit(number, hash);
        if admission == Admission::UnderWay {
            woken.await;
        }
    }
    match admission {
        Admission::New => {}
        Admission::Answered(sealed) => {
            return Frame::Reply {
                number,
                noise: sealed.to_vec(),
            }
            .to_bytes();
        }
        Admission::Refused | Admission::UnderWay => return refusal::bad_number(),
    }
    channel.acknowledge(plain.ack());
    let payload = match plain {
        Plain::Whole { payload, .. } => payload,
        Plain::Part {
            transfer,
            index,
            count,
            bytes,
            ..
        } => match channel.part(transfer, index, count, bytes) {
            Ok(Some(payload)) => payload,
            Ok(None) => return finish(&channel, number, &PlainAnswer::Continue),
            Err(PartError::Wrong) => return whole(&channel, number, &denied(Reason::BadMessage)),
            Err(PartError::Busy) => return whole(&channel, number, &denied(Reason::ServerBusy)),
        },
        Plain::More {
            number: large,
            index,
            ..
        } => {
            return match channel.large(large, index) {
                Some(part) => finish(&channel, number, &PlainAnswer::Further(part)),
                None => whole(&channel, number, &denied(Reason::BadMessage)),
            };
        }
    };
    let request = match envelope::from_cbor::<Request>(&payload) {
        Ok(request) if request.check().is_ok() => request,
        _ => return whole(&channel, number, &denied(Reason::BadMessage)),
    };
    if matches!(request, Request::Heartbeat) {
        return whole(&channel, number, &requests::heartbeat(server, &channel));
    }
    // In a task of its own: whoever hangs up does not leave a request half done and its number without an answer.
    let (server, task_channel) = (Arc::clone(server), Arc::clone(&channel));
    let task = tokio::spawn(async move {
        let answer = requests::work(&server, &task_channel, peer, request).await;
        whole(&task_channel, number, &answer)
    });
    match task.await {
        Ok(bytes) => bytes,
        Err(error) => {
            log::error!("a request ended in a panic: {error}");
            whole(&channel, number, &denied(Reason::Internal))
        }
    }
}

fn denied(reason: Reason) -> Answer {
    Answer::Denied(Denied::because(reason))
}

fn whole(channel: &Channel, number: u64, answer: &Answer) -> Vec<u8> {
    match PlainAnswer::split(envelope::to_cbor(answer)) {
        Ok((first, rest)) => {
            if channel.keep_large(number, rest) {
                return finish(channel, number, &first);
            }
            let busy = envelope::to_cbor(&denied(Reason::ServerBusy));
            finish(channel, number, &PlainAnswer::Whole(busy))
        }
        Err(error) => {
            log::error!("an answer is too large: {error}");
            finish(
                channel,
                number,
                &PlainAnswer::Whole(envelope::to_cbor(&denied(Reason::Internal))),
            )
        }
    }
}

/// Seals an answer, keeps it for repetitions and wakes those who wait for it.
fn finish(channel: &Channel, number: u64, answer: &PlainAnswer) -> Vec<u8> {
    let Ok(sealed) = channel.sealer.seal(number, &answer.to_bytes()) else {
        log::error!("an answer cannot be sealed");
        return refusal::bad_message();
    };
    channel
        .window
        .lock()
        .answered(number, sealed.as_slice().into());
    channel.answered.notify_waiters();
    Frame::Reply {
        number,
        noise: sealed,
    }
    .to_bytes()
}
