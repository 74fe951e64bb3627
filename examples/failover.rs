//! Measures how long 1C waits when a licence server does not serve and another one does:
//! `cargo run --example failover [ROUNDS]`.
//!
//! Each round is a 1C process of its own, since a server that failed is tried last for a while afterwards.

use std::{fs, net::TcpListener, time::Duration};

use licence::{
    host::Value,
    process::{Application, Process},
    scene::Scene,
};

fn main() {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let rounds = rounds.unwrap_or(20);
    let scene = Scene::new(10);
    let file = scene.root().join("object.bin");
    fs::write(&file, "x").expect("the scene's folder is writable");
    let datafile = scene.pack(&file, "Расчет");
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = |listener: &TcpListener| listener.local_addr().expect("it is bound").port();
    let silent = port(&listener);
    let refusing = {
        let closed = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        port(&closed)
    };
    println!("{rounds} rounds each, median and longest, ms; Connect and ObtainLicence together");
    for (name, primary) in [
        ("the primary serves", scene.port()),
        ("the primary refuses", refusing),
        ("the primary is silent", silent),
    ] {
        let times = (0..rounds).map(|_| {
            let mut process = scene.process(Application::ThinClient);
            scene.prepare(&mut process, &datafile, 1);
            process.set("ServerPort", Value::Int(primary.into()));
            let reserve = format!("127.0.0.1:{}", scene.port());
            process.set("ReservedServers", reserve.as_str().into());
            called(&mut process, "Connect", &[]) + called(&mut process, "ObtainLicence", &[])
        });
        print(name, times.collect());
    }
    let times = (0..rounds).map(|_| {
        let mut primary = scene.beside();
        primary.install_licence(3);
        primary.start();
        let mut process = scene.process(Application::ThinClient);
        scene.prepare(&mut process, &datafile, 1);
        process.set("ServerPort", Value::Int(primary.port().into()));
        let reserve = format!("127.0.0.1:{}", scene.port());
        process.set("ReservedServers", reserve.as_str().into());
        called(&mut process, "Connect", &[]);
        called(&mut process, "ObtainLicence", &[]);
        primary.kill_server();
        called(&mut process, "GetObject", &["Расчет".into()])
    });
    print(
        "the primary is killed under a seat: GetObject",
        times.collect(),
    );
}

fn called(process: &mut Process, method: &str, arguments: &[Value]) -> Duration {
    let answer = process.call(method, arguments);
    assert_eq!(answer.code, 0, "{method}: {}", answer.en);
    answer.took
}

fn print(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let longest = times.last().copied().unwrap_or_default();
    println!(
        "{name:<48} {:8.1} {:8.1}",
        ms(times[times.len() / 2]),
        ms(longest)
    );
}
