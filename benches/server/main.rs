//! The server as a process: heartbeats beside a bare axum handler, and grants beside the disk's own syncs.

mod load;

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use licence::{
    programs,
    scene::{SERIES, Scene, port_in},
};
use load::{Check, Client};
use protocol::{
    KeyId,
    facts::{SessionFacts, SessionKey},
    wire::message::{Acquire, Answer, Id, Request},
};

const SEATS: u32 = 10_000_000;
/// Sockets, and so requests under way at once.
const CLIENTS: usize = 64;
/// What a commit of SQLite writes is a few pages of so many bytes.
const PAGE: usize = 4096;

fn benches(criterion: &mut Criterion) {
    let mut scene = Scene::bare();
    // Between measurements the load generator is silent for long.
    scene.configure("[Sessions]\nHeartbeatSeconds=60\nExpireSeconds=3600\n");
    scene.install_licence(SEATS);
    scene.start();
    heartbeats(criterion, &scene);
    grants(criterion, &scene);
}

fn heartbeats(criterion: &mut Criterion, scene: &Scene) {
    let key_id: KeyId = SERIES.parse().expect("the scene's series is one");
    let port = scene.port();
    let mut ours: Vec<Client> = (0..CLIENTS)
        .map(|_| Client::connect(port, key_id))
        .collect();
    ours[0].send(&Request::Heartbeat);
    alive(ours[0].receive());
    let bare = Bare::start(ours[0].last_length());
    let mut peer: Vec<Client> = (0..CLIENTS)
        .map(|_| Client::bare(port, key_id, bare.port))
        .collect();
    let nothing = |answer: Option<Answer>| assert!(answer.is_none());
    let sides: [(&str, u32, &mut [Client], Check<'_>); 2] = [
        ("licenceserver", scene.server_pid(), &mut ours, &alive),
        ("bare axum", bare.child.id(), &mut peer, &nothing),
    ];
    for (name, pid, clients, check) in sides {
        criterion
            .benchmark_group("heartbeat")
            .throughput(Throughput::Elements(1))
            .bench_function(name, |bencher| {
                bencher
                    .iter_custom(|times| load::run(clients, times, &|| Request::Heartbeat, check));
            });
        criterion
            .benchmark_group("heartbeat, the server's processor time")
            .bench_function(name, |bencher| {
                bencher.iter_custom(|times| {
                    let before = processor_time(pid);
                    load::run(clients, times, &|| Request::Heartbeat, check);
                    processor_time(pid) - before
                });
            });
    }
}

fn grants(criterion: &mut Criterion, scene: &Scene) {
    let key_id: KeyId = SERIES.parse().expect("the scene's series is one");
    let mut clients: Vec<Client> = (0..CLIENTS)
        .map(|_| Client::connect(scene.port(), key_id))
        .collect();
    let session = AtomicU32::new(1);
    let acquire = || {
        Request::Acquire(Acquire {
            operation: Id::random(),
            facts: SessionFacts {
                key: SessionKey {
                    infobase: "Srvr=\"app\";Ref=\"demo\";".into(),
                    number: session.fetch_add(1, Ordering::Relaxed),
                    started: 5,
                },
                user_name: "Пользователь".into(),
                ..Default::default()
            },
            flags: 0,
        })
    };
    let mut group = criterion.benchmark_group("durable grant");
    group.throughput(Throughput::Elements(1));
    group.bench_function("licenceserver", |bencher| {
        bencher.iter_custom(|times| {
            load::run(&mut clients, times, &acquire, &|answer| {
                assert!(matches!(answer, Some(Answer::Granted(_))), "{answer:?}");
            })
        });
    });
    group.bench_function("one sync of the disk", |bencher| {
        let path = scene.root().join("sync");
        let mut file = File::create(&path).expect("a temporary file can be made");
        bencher.iter_custom(|times| {
            let start = Instant::now();
            for _ in 0..times {
                file.write_all(&[7; PAGE]).expect("the disk has room");
                file.sync_data().expect("the disk syncs");
            }
            start.elapsed()
        });
        fs::remove_file(&path).expect("the file was made");
    });
}

fn alive(answer: Option<Answer>) {
    assert!(matches!(answer, Some(Answer::Alive(_))), "{answer:?}");
}

/// What all threads of a process ran so far.
fn processor_time(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs");
    let nanos = threads.map(|thread| {
        let path = thread.expect("/proc lists").path().join("schedstat");
        // A thread may end meanwhile.
        let text = fs::read_to_string(path).unwrap_or_default();
        let first = text.split_whitespace().next().unwrap_or("0");
        first.parse::<u64>().expect("schedstat has numbers")
    });
    Duration::from_nanos(nanos.sum())
}

/// The bare handler's process; killed when dropped.
struct Bare {
    child: Child,
    port: u16,
}

impl Bare {
    fn start(length: usize) -> Self {
        let mut child = Command::new(programs::program("bare_axum"))
            .arg(length.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the bare handler starts");
        let output = child.stdout.take().expect("its output was asked for");
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("its output is text");
        let port = port_in(&line).expect("it says its address");
        Self { child, port }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It never ends by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

criterion_group! {
    name = all;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .sample_size(20);
    targets = benches
}
criterion_main!(all);
