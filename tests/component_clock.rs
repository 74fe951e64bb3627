//! Clocks that jump under the real component: seats live by the clock that never does.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{fs, path::PathBuf, process::Command, thread, time::Duration};

use licence::{
    crowd::{Crowd, Way},
    process::Application,
    programs,
    scene::Scene,
};

/// Put before the C library: the wall clock, and no other, is ahead by as many seconds as a file says.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile long long *ahead;

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("CLOCK_AHEAD");
    int file = path ? open(path, O_RDONLY) : -1;
    void *page = file < 0 ? MAP_FAILED : mmap(0, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
    if (page == MAP_FAILED) abort();
    ahead = page;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (syscall(SYS_clock_gettime, clock, now)) return -1;
    if (clock == CLOCK_REALTIME && ahead) now->tv_sec += *ahead;
    return 0;
}
"#;

const DAY: i64 = 24 * 60 * 60;

/// A wall clock of some processes.
struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    fn new(scene: &Scene) -> Self {
        let place = |name: &str| scene.root().join(name);
        let (source, library) = (place("clock.c"), place("clock.so"));
        fs::write(&source, SHIM).unwrap();
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .status()
            .unwrap();
        assert!(built.success());
        let clock = Self {
            library,
            file: place("clock.ahead"),
        };
        clock.set(0);
        clock
    }

    fn set(&self, ahead: i64) {
        // In place: it is mapped.
        use std::os::unix::fs::FileExt;
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.file)
            .unwrap();
        file.write_all_at(&ahead.to_ne_bytes(), 0).unwrap();
    }

    fn crowd(&self, scene: &Scene) -> Crowd {
        let library = programs::addin_library();
        Crowd::with_library(scene.root(), &library, Application::ThinClient, |command| {
            command
                .env("LD_PRELOAD", &self.library)
                .env("CLOCK_AHEAD", &self.file);
        })
    }
}

#[test]
fn a_clock_that_jumps_takes_no_seat_away_and_says_what_is_wrong_until_it_is_set_right() {
    let scene = Scene::new(5);
    let object = scene.root().join("object.bin");
    fs::write(&object, "x").unwrap();
    let way = Way::to(&scene, &[], &scene.pack(&object, "Расчет"));
    let clock = Clock::new(&scene);
    let mut crowd = clock.crowd(&scene);
    crowd.seat(&way, 1, 2, 2);
    for ahead in [400 * DAY, -400 * DAY] {
        clock.set(ahead);
        // Long enough for the server to give the seats up, were the heartbeats to stop: ExpireSeconds is 3 here.
        thread::sleep(Duration::from_secs(5));
        let state = crowd.state();
        for count in ["obtained", "connected", "certain"] {
            assert_eq!(state[count], 2, "{state}");
        }
        assert_eq!((scene.sessions(), crowd.open()), (2, 2));
        // What is new is not believed, and who set the clock is told so.
        let mut other = clock.crowd(&scene);
        let told = other.try_seat(&way, 3);
        let error = told["errors"][0].as_str().unwrap();
        assert!(error.contains("the clocks of this computer"), "{told}");
        other.close();
        clock.set(0);
        let mut other = clock.crowd(&scene);
        other.seat(&way, 3, 1, 1);
        other.close();
        scene.wait_for_sessions(2);
    }
    crowd.close();
    scene.wait_for_sessions(0);
}
