//! The least that an axum server does for a POST: takes the body and answers as many bytes as a licence server
//! answers to a heartbeat. `bare_axum LENGTH` prints its address as licenceserver does.

use std::{env, io};

use axum::{Router, body::Bytes, http::header, routing::post};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let length = env::args()
        .nth(1)
        .and_then(|length| length.parse().ok())
        .ok_or_else(|| io::Error::other("usage: bare_axum LENGTH"))?;
    let answer = Bytes::from(vec![b'a'; length]);
    let handler = move |body: Bytes| {
        drop(body);
        let answer = answer.clone();
        async move {
            (
                [
                    (header::CONTENT_TYPE, "application/octet-stream"),
                    (header::CACHE_CONTROL, "no-store"),
                ],
                answer,
            )
        }
    };
    let router = Router::new().route("/component/v1/message", post(handler));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await
}
