//! The component as it is shipped, in the simulated 1C host, beside a component on crate addin1c in the same host.

use std::{
    fs,
    hint::black_box,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use chacha20poly1305::{
    AeadInPlace, ChaCha20Poly1305, KeyInit,
    aead::stream::{DecryptorBE32, EncryptorBE32},
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use licence::{
    host::{Library, Object, Value},
    programs::{peer_library, shipped_library},
    scene::{SERIES, Scene},
};

const SEATS: u32 = 100_000;
/// Large enough that nothing but the bytes counts.
const OBJECT_BYTES: usize = 64 << 20;
const NAMES: [&str; 19] = [
    "Version",
    "ModulePath",
    "TemplateVersion",
    "ServerAddr",
    "ServerPort",
    "ReservedServers",
    "KeyID",
    "PublicKey",
    "AccessCode",
    "Connected",
    "CurrentServer",
    "ConnectionID",
    "SettingsSource",
    "LicenceObtained",
    "UsedLicence",
    "GraceUntil",
    "ErrorCode",
    "ErrorDescription",
    "RaiseExceptions",
];

fn benches(criterion: &mut Criterion) {
    let (ours, peer) = (shipped_library(), peer_library());
    // First of all, and nowhere else yet: what is loaded is not loaded again.
    for (name, class, path) in [
        ("licenceaddin", "LicenceAddIn", &ours),
        ("addin1c", "Peer", &peer),
    ] {
        let mut group = criterion.benchmark_group("load and create an object");
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| time_load(path, class)).sum());
        });
    }
    let mut scene = Scene::bare();
    scene.install_licence(SEATS);
    scene.start();
    let (ours, peer) = (Library::load(&ours), Library::load(&peer));
    calls(criterion, &scene, &ours, &peer);
    cold(criterion, &scene, &ours);
    crowded(criterion, &scene, &ours);
    protected(criterion, &scene, &ours);
}

/// Loads a component and makes an object, in a thread that ends then: a thread's own variables that a library made
/// keep it loaded until that thread's end, and what is loaded is not loaded again.
fn time_load(path: &Path, class: &str) -> Duration {
    let (library, took) = thread::scope(|scope| {
        scope
            .spawn(|| {
                let start = Instant::now();
                let library = Library::load(path);
                // Its result is the time of the object alone, without the loading.
                let _ = library.time_lives(class, 1);
                (library, start.elapsed())
            })
            .join()
            .expect("the thread loads a component and does not panic")
    });
    drop(library);
    took
}

fn calls(criterion: &mut Criterion, scene: &Scene, ours: &Library, peer: &Library) {
    let datafile = packed(scene, "small", b"the protected object");
    let ours = (
        "licenceaddin",
        Taker::new(scene, &datafile).seated(ours, 1),
        "LicenceAddIn",
    );
    let peer = (
        "addin1c",
        peer.create("Peer").expect("the peer makes an object"),
        "Peer",
    );
    assert!(peer.1.init() && peer.1.set_memory());
    for (name, object, class) in [&ours, &peer] {
        assert!(object.use_plain_memory());
        for (what, property) in [
            ("read an integer property", "ServerPort"),
            ("read ErrorCode", "ErrorCode"),
            ("read a string property", "Version"),
        ] {
            let number = object.find_property(property);
            criterion
                .benchmark_group(what)
                .bench_function(*name, |bencher| {
                    bencher.iter_custom(|times| object.time_get(number, times));
                });
        }
        let number = object.find_method("CheckFlag");
        criterion
            .benchmark_group("call a method")
            .bench_function(*name, |bencher| {
                bencher.iter_custom(|times| object.time_call(number, &[Value::Int(1)], times));
            });
        criterion
            .benchmark_group("find a name")
            .throughput(Throughput::Elements(NAMES.len() as u64))
            .bench_function(*name, |bencher| {
                bencher.iter_custom(|times| object.time_find(&NAMES, times));
            });
        criterion
            .benchmark_group("create an object")
            .bench_function(*name, |bencher| {
                bencher.iter_custom(|times| object.library().time_lives(class, times));
            });
    }
}

/// From nothing to a licence: an object, a connection, its handshake, a seat.
fn cold(criterion: &mut Criterion, scene: &Scene, ours: &Library) {
    let datafile = packed(scene, "cold", b"the protected object");
    let taker = Taker::new(scene, &datafile);
    let mut session = 1;
    criterion
        .benchmark_group("obtain a licence, cold")
        .bench_function("licenceaddin", |bencher| {
            bencher.iter_custom(|times| {
                let mut took = Duration::ZERO;
                for _ in 0..times {
                    session += 1;
                    let start = Instant::now();
                    let object = taker.seated(ours, session);
                    took += start.elapsed();
                    drop(object);
                }
                took
            });
        });
}

/// One more session of a connection that 1,000 objects share, beside one of a connection of two.
fn crowded(criterion: &mut Criterion, scene: &Scene, ours: &Library) {
    let datafile = packed(scene, "crowded", b"the protected object");
    let taker = Taker::new(scene, &datafile);
    let mut session = 1_000_000;
    let mut group = criterion.benchmark_group("take a seat beside others");
    for (name, others) in [("licenceaddin", 1000), ("beside one", 1)] {
        let mut next = || {
            session += 1;
            taker.seated_with(ours, session, name)
        };
        let others: Vec<_> = (0..others).map(|_| next()).collect();
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let mut took = Duration::ZERO;
                for _ in 0..times {
                    let start = Instant::now();
                    let object = next();
                    took += start.elapsed();
                    drop(object);
                }
                took
            });
        });
        drop(others);
    }
}

/// A large object from the datafile into the platform's memory, beside the cipher alone over as many bytes.
fn protected(criterion: &mut Criterion, scene: &Scene, ours: &Library) {
    let content: Vec<u8> = noise(OBJECT_BYTES);
    let datafile = packed(scene, "large", &content);
    let object = Taker::new(scene, &datafile).seated(ours, 1);
    assert!(object.use_plain_memory());
    let number = object.find_method("GetObject");
    let mut group = criterion.benchmark_group("open a protected object");
    group
        .throughput(Throughput::Bytes(OBJECT_BYTES as u64))
        .sample_size(10);
    group.bench_function("licenceaddin", |bencher| {
        bencher.iter_custom(|times| object.time_call(number, &[Value::from("large")], times));
    });
    let key = [7; 32];
    let mut encryptor =
        EncryptorBE32::from_aead(ChaCha20Poly1305::new(&key.into()), &[0; 7].into());
    let mut sealed: Vec<Vec<u8>> = content.chunks(64 << 10).map(<[u8]>::to_vec).collect();
    for chunk in &mut sealed {
        encryptor
            .encrypt_next_in_place(&[1; 32], chunk)
            .expect("the counter is far from its end");
    }
    group.bench_function("chacha20poly1305", |bencher| {
        // Over and over the same buffer, as the component does.
        let mut chunk = Vec::new();
        bencher.iter(|| {
            let cipher = ChaCha20Poly1305::new(&key.into());
            let mut decryptor = DecryptorBE32::from_aead(cipher, &[0; 7].into());
            for bytes in &sealed {
                chunk.clear();
                chunk.extend_from_slice(bytes);
                decryptor
                    .decrypt_next_in_place(&[1; 32], black_box(&mut chunk))
                    .expect("the chunks are as they were sealed");
            }
        });
    });
}

/// Takes seats of one scene with objects of one component.
struct Taker<'a> {
    port: u16,
    datafile: &'a Path,
}

impl<'a> Taker<'a> {
    fn new(scene: &Scene, datafile: &'a Path) -> Self {
        Self {
            port: scene.port(),
            datafile,
        }
    }

    /// An object that holds the seat of session `number`, over a connection of its own.
    fn seated<'l>(&self, library: &'l Library, number: i32) -> Object<'l> {
        // Objects of another access code share no connection.
        self.seated_with(library, number, &format!("bench {number}"))
    }

    /// The same over the connection of that access code.
    fn seated_with<'l>(&self, library: &'l Library, number: i32, code: &str) -> Object<'l> {
        let object = library.object();
        let set = |name, value: Value| object.set(name, value).expect("the property is set");
        set("ServerAddr", "127.0.0.1".into());
        set("ServerPort", Value::Int(self.port.into()));
        set("KeyID", SERIES.into());
        set("AccessCode", code.into());
        let datafile = self.datafile.to_str().expect("temporary paths are text");
        let facts = [
            "Srvr=\"app\";Ref=\"demo\";".into(),
            Value::Int(number),
            Value::Date([2026, 1, 2, 3, 4, 5]),
            "Пользователь".into(),
            "PC".into(),
            "1CV8C".into(),
        ];
        for (method, arguments) in [
            ("LoadDataFile", &[Value::from(datafile)][..]),
            ("SetSession", &facts),
            ("Connect", &[]),
            ("ObtainLicence", &[]),
        ] {
            assert_eq!(
                object.call(method, arguments),
                Ok(Value::Bool(true)),
                "{method}: {}",
                object.get_text("ErrorDescription")
            );
        }
        object
    }
}

fn packed(scene: &Scene, name: &str, content: &[u8]) -> std::path::PathBuf {
    let file = scene.root().join(name);
    fs::write(&file, content).expect("a temporary file can be written");
    scene.pack(&file, name)
}

/// Bytes that do not compress, so that decryption is all there is to do.
fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let cipher = ChaCha20Poly1305::new(&[9; 32].into());
    cipher
        .encrypt_in_place_detached(&[0; 12].into(), &[], &mut bytes)
        .expect("so many bytes can be encrypted");
    bytes
}

criterion_group! {
    name = all;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30);
    targets = benches
}
criterion_main!(all);
