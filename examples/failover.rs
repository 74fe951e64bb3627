//! Measures how long 1C waits when a licence server does not serve and another one does, beside the budgets:
//! `cargo run --example failover [ROUNDS]`.
//!
//! Each round is a 1C process of its own, since a server that failed is tried last for a while afterwards. The program ends with 1
//! when the middle of the times is ten times over its budget: then a wait is in the wrong place, while a busy computer or a build
//! that is not optimised alone does not do that.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use licence::{
    host::Value,
    process::{Application, Process},
    scene::Scene,
};

/// So much over its budget is a fault and not a slow computer.
const FAULT: u32 = 10;

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn main() -> ExitCode {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let rounds = rounds.unwrap_or(20).max(1);
    let scene = Scene::new(10);
    let file = scene.root().join("object.bin");
    fs::write(&file, "x").expect("the scene's folder is writable");
    let datafile = scene.pack(&file, "Расчет");
    let silent = [(); 5].map(|()| TcpListener::bind("127.0.0.1:0").expect("there is a free port"));
    let silent = silent.each_ref().map(port);
    let refusing = port(&TcpListener::bind("127.0.0.1:0").expect("there is a free port"));

    let mut table = Table::begin(rounds);
    for (name, budget, primary) in [
        ("the primary serves", ms(10), scene.port()),
        ("the primary refuses", ms(100), refusing),
        ("the primary is silent", ms(600), silent[0]),
    ] {
        table.row(name, budget, || {
            let mut process = client(&scene, &datafile, primary, &[scene.port()]);
            called(&mut process, "Connect", &[]) + called(&mut process, "ObtainLicence", &[])
        });
    }
    table.row("the primary is killed: GetObject", ms(100), || {
        let mut primary = scene.beside();
        primary.install_licence(3);
        primary.start();
        let mut process = client(&scene, &datafile, primary.port(), &[scene.port()]);
        called(&mut process, "Connect", &[]);
        called(&mut process, "ObtainLicence", &[]);
        primary.kill_server();
        called(&mut process, "GetObject", &["Расчет".into()])
    });
    table.row("five servers are silent: Connect fails", ms(6000), || {
        let mut process = client(&scene, &datafile, silent[0], &silent[1..]);
        let answer = process.call("Connect", &[]);
        assert!(answer.code != 0, "nobody answers, and it connects");
        answer.took
    });
    table.row("the server of a seat falls silent: Done", ms(10), || {
        let mut process = client(&scene, &datafile, scene.port(), &[]);
        called(&mut process, "Connect", &[]);
        called(&mut process, "ObtainLicence", &[]);
        signal(&scene, "STOP");
        let begun = Instant::now();
        process.end();
        let took = begun.elapsed();
        signal(&scene, "CONT");
        took
    });
    table.end()
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("it is bound").port()
}

fn client(scene: &Scene, datafile: &Path, primary: u16, reserves: &[u16]) -> Process {
    let mut process = scene.process(Application::ThinClient);
    scene.prepare(&mut process, datafile, 1);
    process.set("ServerPort", Value::Int(primary.into()));
    let reserves: Vec<_> = reserves
        .iter()
        .map(|port| format!("127.0.0.1:{port}"))
        .collect();
    process.set("ReservedServers", reserves.join(",").as_str().into());
    process
}

fn called(process: &mut Process, method: &str, arguments: &[Value]) -> Duration {
    let answer = process.call(method, arguments);
    assert_eq!(answer.code, 0, "{method}: {}", answer.en);
    answer.took
}

fn signal(scene: &Scene, name: &str) {
    let told = Command::new("kill")
        .args(["-s", name, &scene.server_pid().to_string()])
        .status();
    assert!(told.is_ok_and(|status| status.success()), "kill -s {name}");
}

/// What is printed, row by row, and whether all of it is well.
struct Table {
    rounds: usize,
    faults: usize,
}

impl Table {
    fn begin(rounds: usize) -> Self {
        println!(
            "{rounds} rounds each, ms; Connect and ObtainLicence together where nothing else is said"
        );
        println!(
            "{:<44}{:>9}{:>9}{:>9}{:>8}",
            "", "median", "longest", "budget", "share"
        );
        Self { rounds, faults: 0 }
    }

    fn row(&mut self, name: &str, budget: Duration, round: impl FnMut() -> Duration) {
        let mut times: Vec<_> = std::iter::repeat_with(round).take(self.rounds).collect();
        times.sort();
        let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let share = ms(median) / ms(budget);
        let fault = median > budget * FAULT;
        self.faults += usize::from(fault);
        println!(
            "{name:<44}{:9.1}{:9.1}{:9.0}{:7.0}%{}",
            ms(median),
            ms(longest),
            ms(budget),
            share * 100.0,
            if fault { "  FAULT" } else { "" }
        );
    }

    fn end(self) -> ExitCode {
        if self.faults == 0 {
            return ExitCode::SUCCESS;
        }
        println!("{} rows are {FAULT} times over their budgets", self.faults);
        ExitCode::FAILURE
    }
}
