//! A load generator: many components' channels, kept and sealed as the component does, over plain sockets.
//!
//! Each thread has its share of the sockets and goes round them: takes an answer, sends the next request. So every
//! socket has a request under way, and the generator itself costs one write and one read a request.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use protocol::{
    KeyId, envelope,
    facts::ComponentFacts,
    wire::{
        HANDSHAKE_PATH, MESSAGE_PATH,
        channel::{Plain, PlainAnswer},
        frame::Frame,
        handshake::{Established, Initiator},
        message::{Answer, Hello, Id, Request},
    },
};

/// Generator threads: one could be the bottleneck.
const THREADS: usize = 2;

/// Looks at an answer; none comes from a bare handler.
pub(crate) type Check<'a> = &'a (dyn Fn(Option<Answer>) + Sync);
/// Makes a request.
pub(crate) type Make<'a> = &'a (dyn Fn() -> Request + Sync);

/// One socket and one channel.
pub(crate) struct Client {
    stream: TcpStream,
    host: String,
    channel: Established,
    next: u64,
    buffer: Vec<u8>,
    /// Whether the far end answers with sealed frames. A bare handler's answers are opened too, in vain.
    sealed: bool,
}

impl Client {
    /// Shakes hands with a licence server and says hello.
    pub(crate) fn connect(port: u16, key_id: KeyId) -> Self {
        let mut client = Self::handshake(port, key_id);
        let hello = Hello {
            operation: Id::random(),
            facts: ComponentFacts {
                is_server: true,
                pid: 1,
                computer_id: "AA".into(),
                ..Default::default()
            },
            access_code: String::new(),
            resume: None,
        };
        client.send(&Request::Hello(Box::new(hello)));
        assert!(matches!(client.receive(), Some(Answer::Welcome(_))));
        client
    }

    /// A channel made with a licence server, whose requests go to a bare handler on another port.
    pub(crate) fn bare(port: u16, key_id: KeyId, bare: u16) -> Self {
        let mut client = Self::handshake(port, key_id);
        client.stream = stream(bare);
        client.sealed = false;
        client
    }

    fn handshake(port: u16, key_id: KeyId) -> Self {
        let host = format!("127.0.0.1:{port}");
        let (initiator, frame) = Initiator::start(key_id, &host).expect("a handshake begins");
        let mut stream = stream(port);
        let mut buffer = Vec::new();
        post(&mut stream, HANDSHAKE_PATH, &host, &frame.to_bytes());
        let body = answer(&mut stream, &mut buffer);
        let reply = Frame::from_bytes(&buffer[body]).expect("a licence server answers");
        Self {
            stream,
            channel: initiator.finish(reply).expect("the handshake succeeds"),
            host,
            next: 0,
            buffer,
            sealed: true,
        }
    }

    /// Sends the next request.
    pub(crate) fn send(&mut self, request: &Request) {
        let number = self.next;
        self.next += 1;
        let parts = Plain::split(envelope::to_cbor(request), 0).expect("the request is short");
        let plain = parts
            .into_iter()
            .next()
            .expect("a short request is one part")
            .acknowledging(number);
        let noise = self
            .channel
            .sealer
            .seal(number, &plain.to_bytes())
            .expect("a short request is sealed");
        let frame = Frame::Request {
            channel: self.channel.channel,
            number,
            noise,
        };
        post(
            &mut self.stream,
            MESSAGE_PATH,
            &self.host,
            &frame.to_bytes(),
        );
    }

    /// Takes the answer to the request before; nothing from a bare handler.
    pub(crate) fn receive(&mut self) -> Option<Answer> {
        let body = answer(&mut self.stream, &mut self.buffer);
        let number = self.next - 1;
        if !self.sealed {
            assert!(
                self.channel
                    .sealer
                    .open(number, &self.buffer[body.start + 13..body.end])
                    .is_err()
            );
            return None;
        }
        match Frame::from_bytes(&self.buffer[body]) {
            Ok(Frame::Reply {
                number: answered,
                noise,
            }) if answered == number => {
                let plain = self
                    .channel
                    .sealer
                    .open(number, &noise)
                    .expect("the answer opens");
                match PlainAnswer::from_bytes(&plain) {
                    Ok(PlainAnswer::Whole(bytes)) => envelope::from_cbor(&bytes).ok(),
                    other => panic!("{other:?}"),
                }
            }
            other => panic!("{other:?}"),
        }
    }

    /// How long the body of the last answer was.
    pub(crate) fn last_length(&self) -> usize {
        body(&self.buffer).map_or(0, |body| body.len())
    }
}

/// Sends `total` requests, over all clients at once, and checks each answer; how long that took.
pub(crate) fn run(
    clients: &mut [Client],
    total: u64,
    request: Make<'_>,
    check: Check<'_>,
) -> Duration {
    let share = clients.len().div_ceil(THREADS);
    let start = Instant::now();
    thread::scope(|scope| {
        for (number, clients) in clients.chunks_mut(share).enumerate() {
            let total = total / THREADS as u64 + u64::from(number == 0) * (total % THREADS as u64);
            scope.spawn(move || rounds(clients, total, request, check));
        }
    });
    start.elapsed()
}

fn rounds(clients: &mut [Client], total: u64, request: Make<'_>, check: Check<'_>) {
    let mut unsent = total;
    for client in clients.iter_mut().take(total as usize) {
        client.send(&request());
        unsent -= 1;
    }
    let mut unanswered = total;
    while unanswered > 0 {
        for client in clients.iter_mut().take(unanswered as usize) {
            check(client.receive());
            unanswered -= 1;
            if unsent > 0 {
                client.send(&request());
                unsent -= 1;
            }
        }
    }
}

fn stream(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    stream.set_nodelay(true).expect("a socket takes options");
    stream
}

/// The heads that the component's HTTP client sends.
fn post(stream: &mut TcpStream, path: &str, host: &str, body: &[u8]) {
    let mut bytes = Vec::with_capacity(256 + body.len());
    write!(
        bytes,
        "POST {path} HTTP/1.1\r\ncontent-type: application/octet-stream\r\ncontent-length: {}\r\nhost: {host}\r\nuser-agent: licenceaddin\r\naccept: */*\r\n\r\n",
        body.len()
    )
    .expect("memory takes it");
    bytes.extend_from_slice(body);
    stream.write_all(&bytes).expect("the server takes it");
}

/// Reads one answer into the buffer; where its body is.
fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::ops::Range<usize> {
    let mut filled = 0;
    buffer.resize(16 << 10, 0);
    loop {
        if let Some(body) = body(&buffer[..filled]) {
            buffer.truncate(body.end);
            return body;
        }
        let read = stream
            .read(&mut buffer[filled..])
            .expect("the server answers");
        assert!(read > 0, "the server hung up");
        filled += read;
    }
}

fn body(answer: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = answer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&answer[..start]).expect("a head is text");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let length: usize = head
        .lines()
        .find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse().ok())?
        })
        .expect("the answer says its length");
    (answer.len() >= start + length).then_some(start..start + length)
}
