//! A component of the simplest kind over a real socket: one request after the other, each with a time-out.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use protocol::{
    KeyId, envelope,
    facts::{ComponentFacts, SessionFacts, SessionKey},
    wire::{
        HANDSHAKE_PATH, MESSAGE_PATH,
        channel::{Plain, PlainAnswer},
        frame::Frame,
        handshake::{Established, Initiator},
        message::{Acquire, Answer, Hello, Id, Request, SessionOperation},
    },
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connected component.
pub(crate) struct Component {
    stream: BufReader<TcpStream>,
    host: String,
    channel: Established,
    next: u64,
}

fn other(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

impl Component {
    /// Shakes hands and says hello, with the operation's id.
    pub(crate) fn connect(port: u16, series: KeyId, pid: u32, operation: Id) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut stream = BufReader::new(stream);
        let host = format!("127.0.0.1:{port}");
        let (initiator, frame) = Initiator::start(series, &host).map_err(other)?;
        let reply = post(&mut stream, &host, HANDSHAKE_PATH, &frame.to_bytes())?;
        let channel = initiator.finish(reply).map_err(other)?;
        let mut component = Self {
            stream,
            host,
            channel,
            next: 0,
        };
        let facts = ComponentFacts {
            is_server: true,
            pid,
            computer_id: "AA".into(),
            computer_name: "SRV".into(),
            process: "/opt/1cv8/rphost".into(),
            ..ComponentFacts::default()
        };
        let hello = Hello {
            operation,
            facts,
            access_code: String::new(),
            resume: None,
        };
        match component.ask(&Request::Hello(Box::new(hello)))? {
            Answer::Welcome(_) => Ok(component),
            answer => Err(other(format!("{answer:?}"))),
        }
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn ask(&mut self, request: &Request) -> io::Result<Answer> {
        let mut last = None;
        let parts = Plain::split(envelope::to_cbor(request), self.next as u32).map_err(other)?;
        for part in parts {
            let number = self.next;
            self.next += 1;
            let plain = part.acknowledging(number).to_bytes();
            let noise = self.channel.sealer.seal(number, &plain).map_err(other)?;
            let frame = Frame::Request {
                channel: self.channel.channel,
                number,
                noise,
            };
            match post(
                &mut self.stream,
                &self.host,
                MESSAGE_PATH,
                &frame.to_bytes(),
            )? {
                Frame::Reply { noise, .. } => {
                    let bytes = self.channel.sealer.open(number, &noise).map_err(other)?;
                    last = Some(PlainAnswer::from_bytes(&bytes).map_err(other)?);
                }
                frame => return Err(other(format!("{frame:?}"))),
            }
        }
        match last {
            Some(PlainAnswer::Whole(bytes)) => envelope::from_cbor(&bytes).map_err(other),
            answer => Err(other(format!("{answer:?}"))),
        }
    }

    /// Takes a seat for a session of a cluster.
    pub(crate) fn acquire(&mut self, operation: Id, number: u32) -> io::Result<Answer> {
        self.ask(&Request::Acquire(Acquire {
            operation,
            facts: session(number),
            flags: 0,
        }))
    }

    /// Gives a seat back.
    pub(crate) fn release(&mut self, operation: Id, session: Id) -> io::Result<Answer> {
        self.ask(&Request::Release(SessionOperation {
            operation,
            session,
            moved: None,
        }))
    }
}

/// The facts of a session, different for each number.
pub(crate) fn session(number: u32) -> SessionFacts {
    SessionFacts {
        key: SessionKey {
            infobase: "Srvr=\"cluster\";Ref=\"trade\";".into(),
            number,
            started: 1_800_000_000,
        },
        user_name: format!("User {number}"),
        computer_name: format!("PC-{}", number % 500),
        app_name: "1CV8C".into(),
        ..SessionFacts::default()
    }
}

fn post(
    stream: &mut BufReader<TcpStream>,
    host: &str,
    path: &str,
    body: &[u8],
) -> io::Result<Frame> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    stream.get_mut().write_all(&request)?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 200") {
        return Err(other(format!("answered '{}'", line.trim())));
    }
    let mut length = 0;
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let header = line.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(other)?;
        }
    }
    if length > 1_000_000 {
        return Err(other("the answer is too long"));
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes)?;
    Frame::from_bytes(&bytes).map_err(other)
}
