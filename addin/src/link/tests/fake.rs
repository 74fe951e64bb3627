//! A licence server in memory: real frames, handshake and window, seats without rules. It can be told to
//! deny, fall silent, forget its channels, or be of another version.

use std::{
    collections::{BTreeMap, HashMap},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use protocol::{
    KeyId, Reason,
    cryptkey::{ContentKey, CryptKey},
    datafile::{SignedDirectory, pack},
    delegation::Delegation,
    envelope::{from_cbor, to_cbor},
    facts::Identity,
    licence::{Credential, Holder, KeyType, SealAlgorithm, Voucher},
    signature::{Algorithm, Context, Secret, SigningKey},
    wire::{
        channel::{Plain, PlainAnswer, Sealer},
        frame::{ChannelId, Frame, Refusal},
        handshake::{ServerHello, respond},
        message::{Alive, Answer, Denied, Granted, Id, LostSession, ObjectKey, Request, Welcome},
        window::{Admission, Window},
    },
};

use crate::{link::trust::now, settings::Address};

/// The series of every test.
pub(super) const SERIES: KeyId = KeyId(0x672B);

/// How long a late Release waits for a request for a seat that may never come.
const LATE: Duration = Duration::from_millis(500);

/// A vendor with a licence for a server.
pub(super) struct Vendor {
    pub keys: CryptKey,
    document: (Voucher, SigningKey),
}

impl Vendor {
    pub(super) fn new() -> Self {
        let holder = SigningKey::generate(Algorithm::Ed25519);
        let voucher = Voucher {
            key_id: SERIES,
            key_no: 7_131_766,
            key_type: KeyType::Main,
            licence_count: 3,
            flags: 0b101,
            service_type: 0,
            product_version: 0,
            issued_at: now(),
            start_date: None,
            period_days: 0,
            parameters: BTreeMap::from([("Region".into(), "77".into())]),
            holders: vec![Holder {
                signing: holder.public().unwrap(),
                seal_algorithm: SealAlgorithm::HpkeX25519,
                sealing: vec![0; 32],
            }],
            private_hash: [0; 32],
        };
        let keys = CryptKey {
            key_id: SERIES,
            name: "Test".into(),
            created_at: 0,
            signing: SigningKey::generate(Algorithm::Ed25519),
            content_keys: vec![ContentKey {
                version: 1,
                key: Secret::random(),
            }],
            earlier: None,
        };
        Self {
            keys,
            document: (voucher, holder),
        }
    }

    pub(super) fn datafile(&self, content: &[u8]) -> Vec<u8> {
        let input = pack::Input {
            name: "Report".into(),
            version: 1,
            flags: 1,
            content: content.into(),
        };
        let mut file = Vec::new();
        pack::write(&[input], &self.keys, pack::Draw::random(), &mut file).unwrap();
        file
    }

    fn credential(&self, server: [u8; 32]) -> Credential {
        let (voucher, holder) = &self.document;
        let signing = &self.keys.signing;
        let signed = signing.sign(Context::Voucher, to_cbor(voucher)).unwrap();
        let delegation = Delegation {
            server,
            key_id: SERIES,
            key_no: voucher.key_no,
            issued_at: now(),
            not_after: now() + 3600,
        };
        Credential {
            voucher: signed,
            delegation: delegation.sign(holder).unwrap(),
        }
    }
}

/// How the server behaves and what it has seen.
#[derive(Debug, Default)]
pub(super) struct Mood {
    /// Every handshake is refused so.
    pub refuse: Option<Reason>,
    /// Every Acquire is denied so.
    pub deny: Option<Reason>,
    /// Requests are read and never answered.
    pub silent: bool,
    /// The version it says.
    pub version: Option<String>,
    /// Requests are done and not answered.
    pub mute: bool,
    /// How many sessions it seats; more are denied.
    pub seats: Option<usize>,
    /// Who has which session.
    pub seated: HashMap<Identity, Id>,
    /// Sessions that left because they moved.
    pub moved: usize,
    /// The grace that it tells.
    pub grace_seconds: Option<u32>,
    /// Sessions to be told as lost at the next heartbeat.
    pub lost: Vec<LostSession>,
    /// Resumed sessions that it does not know any more.
    pub forgets_sessions: bool,
    pub handshakes: usize,
    pub heartbeats: usize,
    pub resumed: usize,
    pub sessions: Vec<Id>,
    pub released: usize,
    pub detached: usize,
    /// A Release is done only after the next request for a seat, or after a while if none comes.
    pub late_release: bool,
    /// The keys of objects are not told yet.
    pub slow_keys: bool,
    /// Answers are well sealed, and none to what was asked.
    pub odd: bool,
    /// Its disk is full, so that no seat can be given back.
    pub cannot_leave: bool,
    /// The pause between heartbeats that it tells, with an expiry of a few of them.
    pub heartbeat_seconds: Option<u32>,
    pub byes: usize,
    /// How many Acquires wait for `answers` at once, and the most that did.
    pub waiting: usize,
    pub gather: usize,
}

impl Mood {
    /// A session is over.
    pub(super) fn end(&mut self, session: Id) {
        self.sessions.retain(|other| *other != session);
        self.seated.retain(|_, other| *other != session);
    }
}

pub(super) struct Fake {
    pub address: Address,
    pub mood: Mutex<Mood>,
    pub changed: Condvar,
    vendor: Arc<Vendor>,
    instance: Secret,
    credential: Credential,
    channels: Mutex<HashMap<ChannelId, Arc<Open>>>,
}

struct Open {
    sealer: Sealer,
    window: Mutex<Window>,
}

impl Fake {
    pub(super) fn start(vendor: &Arc<Vendor>) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let instance = Secret::random();
        let fake = Arc::new(Self {
            address: Address::parse("127.0.0.1", port).unwrap(),
            mood: Mutex::default(),
            changed: Condvar::new(),
            vendor: Arc::clone(vendor),
            credential: vendor.credential(public_of(&instance)),
            instance,
            channels: Mutex::default(),
        });
        let server = Arc::clone(&fake);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = Arc::clone(&server);
                thread::spawn(move || server.serve(stream));
            }
        });
        fake
    }

    /// As after a restart: channels are gone.
    pub(super) fn forget_channels(&self) {
        self.channels.lock().clear();
    }

    /// Changes how it behaves.
    pub(super) fn set(&self, change: impl FnOnce(&mut Mood)) {
        change(&mut self.mood.lock());
        self.changed.notify_all();
    }

    /// Waits until something is true of it.
    #[track_caller]
    pub(super) fn wait(&self, condition: impl Fn(&Mood) -> bool) {
        let deadline = Instant::now() + super::PATIENCE;
        let mut mood = self.mood.lock();
        while !condition(&mood) {
            let waited = self.changed.wait_until(&mut mood, deadline);
            assert!(!waited.timed_out(), "it did not come: {:?}", *mood);
        }
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some((host, body)) = read_request(&mut reader) {
            let answer = self.answer(&host, &body);
            let Some(answer) = answer.filter(|_| !self.mood.lock().mute) else {
                // Silent: keep the socket open until the component gives up.
                let _ = reader.read(&mut [0]);
                return;
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                answer.len()
            );
            if (&stream)
                .write_all(&[head.as_bytes(), &answer].concat())
                .is_err()
            {
                return;
            }
        }
    }

    fn answer(&self, host: &str, body: &[u8]) -> Option<Vec<u8>> {
        if self.mood.lock().silent {
            return None;
        }
        let frame = match Frame::from_bytes(body).unwrap() {
            Frame::HandshakeRequest { clear, noise } => {
                let mut mood = self.mood.lock();
                mood.handshakes += 1;
                if let Some(reason) = mood.refuse {
                    return Some(refusal(reason));
                }
                let hello = ServerHello {
                    version: mood
                        .version
                        .clone()
                        .unwrap_or_else(|| protocol::Version::CURRENT.to_string()),
                    now: now(),
                    credential: self.credential.clone(),
                };
                drop(mood);
                let id = protocol::random_bytes();
                let (sealer, reply) =
                    respond(&clear, &noise, host, &self.instance, id, &hello).unwrap();
                let open = Open {
                    sealer,
                    window: Mutex::default(),
                };
                self.channels.lock().insert(id, Arc::new(open));
                reply
            }
            Frame::Request {
                channel,
                number,
                noise,
            } => {
                let Some(open) = self.channels.lock().get(&channel).cloned() else {
                    return Some(refusal(Reason::UnknownChannel));
                };
                let admission = open.window.lock().admit(number, protocol::sha256(&noise));
                match admission {
                    Admission::Answered(answer) => return Some(answer.to_vec()),
                    Admission::New => {}
                    other => panic!("{other:?}"),
                }
                let plain = open.sealer.open(number, &noise).unwrap();
                let odd = self.mood.lock().odd;
                let (ack, answer) = match Plain::from_bytes(&plain).unwrap() {
                    // There is always more, and never the next part.
                    Plain::Whole { ack, .. } | Plain::More { ack, .. } if odd => {
                        let (count, bytes) = (2, Vec::new());
                        (ack, PlainAnswer::First { count, bytes })
                    }
                    Plain::Whole { ack, payload } => {
                        let answer = to_cbor(&self.dispatch(from_cbor(&payload).unwrap()));
                        (ack, PlainAnswer::Whole(answer))
                    }
                    _ => panic!("a part"),
                };
                open.window.lock().acknowledge(ack);
                let sealed = open.sealer.seal(number, &answer.to_bytes()).unwrap();
                let reply = Frame::Reply {
                    number,
                    noise: sealed,
                };
                open.window.lock().answered(number, reply.to_bytes().into());
                reply
            }
            other => panic!("{other:?}"),
        };
        Some(frame.to_bytes())
    }

    fn dispatch(&self, request: Request) -> Answer {
        let mut mood = self.mood.lock();
        let answer = match request {
            Request::Hello(hello) => {
                let mut sessions = Vec::new();
                if let Some(resume) = hello.resume {
                    mood.resumed += 1;
                    sessions = resume
                        .sessions
                        .iter()
                        .map(|session| session.session)
                        .collect();
                }
                if mood.forgets_sessions {
                    sessions.clear();
                    mood.sessions.clear();
                    mood.seated.clear();
                }
                sessions.retain(|session| mood.sessions.contains(session));
                Answer::Welcome(Welcome {
                    connection: Id::random(),
                    token: Secret::random(),
                    heartbeat_seconds: mood.heartbeat_seconds.unwrap_or(1),
                    expire_seconds: mood.heartbeat_seconds.unwrap_or(1) * 4,
                    linger_seconds: 60,
                    sessions,
                    grace_seconds: mood.grace_seconds,
                })
            }
            Request::Heartbeat => {
                mood.heartbeats += 1;
                Answer::Alive(Alive {
                    lost: std::mem::take(&mut mood.lost),
                })
            }
            Request::Acquire(acquire) => {
                let identity = acquire.facts.key.identity();
                mood.waiting += 1;
                self.changed.notify_all();
                while mood.waiting < mood.gather {
                    self.changed.wait(&mut mood);
                }
                let known = mood.seated.get(&identity).copied();
                let full = known.is_none() && Some(mood.sessions.len()) == mood.seats;
                let deny = mood.deny.or_else(|| full.then_some(Reason::NoSeats));
                match deny {
                    Some(reason) => Answer::Denied(Denied::because(reason)),
                    None => {
                        let session = known.unwrap_or_else(Id::random);
                        if known.is_none() {
                            mood.sessions.push(session);
                            mood.seated.insert(identity, session);
                        }
                        Answer::Granted(Box::new(Granted {
                            session,
                            key_no: self.vendor.document.0.key_no,
                            credential: self.credential.clone(),
                        }))
                    }
                }
            }
            Request::Release(operation) => {
                if mood.late_release {
                    let (asked, end) = (mood.waiting, Instant::now() + LATE);
                    let none = |mood: &mut Mood| mood.waiting == asked;
                    self.changed.wait_while_until(&mut mood, none, end);
                }
                mood.released += 1;
                mood.end(operation.session);
                Answer::Done
            }
            Request::Detach(_) if mood.cannot_leave => {
                Answer::Denied(Denied::because(Reason::StoreFailed))
            }
            Request::Detach(operation) => {
                if operation.moved == Some(true) {
                    mood.moved += 1;
                    mood.end(operation.session);
                } else {
                    mood.detached += 1;
                }
                Answer::Done
            }
            Request::ObjectKey(ask) => {
                self.changed.wait_while(&mut mood, |mood| mood.slow_keys);
                self.key(&mood, ask)
            }
            Request::Bye(_) => {
                mood.byes += 1;
                Answer::Done
            }
            Request::ServerInfo => Answer::Info("{\"Version\":\"3.0\"}".into()),
        };
        drop(mood);
        self.changed.notify_all();
        answer
    }

    fn key(&self, mood: &Mood, ask: ObjectKey) -> Answer {
        match ask.directory {
            _ if !mood.sessions.contains(&ask.session) => {
                Answer::Denied(Denied::because(Reason::UnknownSession))
            }
            None => Answer::Denied(Denied::because(Reason::SendDirectory)),
            Some(bytes) => {
                let signed = SignedDirectory::read(&bytes, None).unwrap();
                let directory = &signed.directory;
                let object = directory.object(&ask.name).unwrap();
                let content = &self.vendor.keys.content_keys[0].key;
                Answer::Key(directory.object_key(content, object))
            }
        }
    }
}

fn refusal(reason: Reason) -> Vec<u8> {
    Frame::Refusal(Refusal {
        reason,
        english: String::new(),
        russian: String::new(),
    })
    .to_bytes()
}

/// The public half of an instance key, as the other side of a handshake learns it.
fn public_of(instance: &Secret) -> [u8; 32] {
    use protocol::wire::handshake::Initiator;
    let (initiator, frame) = Initiator::start(SERIES, "x").unwrap();
    let Frame::HandshakeRequest { clear, noise } = frame else {
        unreachable!()
    };
    let nothing = SigningKey::generate(Algorithm::Ed25519);
    let signed = nothing.sign(Context::Voucher, Vec::new()).unwrap();
    let hello = ServerHello {
        version: String::new(),
        now: 0,
        credential: Credential {
            voucher: signed.clone(),
            delegation: signed,
        },
    };
    let (_, reply) = respond(&clear, &noise, "x", instance, [0; 16], &hello).unwrap();
    initiator.finish(reply).unwrap().server
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let (mut host, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("host:") {
            host = value.trim().into();
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((host, body))
}

/// Runs `work` on a thread and says when it is done.
pub(super) fn in_background(work: impl FnOnce() + Send + 'static) -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        work();
        let _ = sender.send(());
    });
    receiver
}
