//! Compiles the simulated 1C host: as a library that the tests drive, and as a program of its own for
//! memory checkers.

use std::{env, path::PathBuf};

const SOURCES: [&str; 3] = [
    "tests/host/host.cpp",
    "tests/host/capi.cpp",
    "tests/host/loops.cpp",
];
const HEADERS: [&str; 2] = ["tests/host/host.h", "tests/host/native_api.h"];
const PROGRAM: &str = "tests/host/main.cpp";

fn main() {
    for file in SOURCES.iter().chain(&HEADERS).chain([&PROGRAM]) {
        println!("cargo::rerun-if-changed={file}");
    }
    let target = env::var("TARGET").expect("cargo sets TARGET");
    println!("cargo::rustc-env=LICENCE_TARGET={target}");

    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++17")
        .warnings(true)
        .extra_warnings(true)
        .warnings_into_errors(true);
    let compiler = build.get_compiler();
    build.files(SOURCES).compile("simulated1c");

    // The program loads a library by dlopen; memory checkers for it are Unix's.
    if env::var_os("CARGO_CFG_UNIX").is_some() {
        let program =
            PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("host");
        let status = compiler
            .to_command()
            .args(["-g", PROGRAM, SOURCES[0], "-o"])
            .arg(&program)
            .args(["-ldl", "-lpthread"])
            .status()
            .expect("the C++ compiler that has just compiled the library can be started");
        assert!(status.success(), "the simulated host does not compile");
        println!(
            "cargo::rustc-env=LICENCE_HOST_PROGRAM={}",
            program.display()
        );
    }
}
