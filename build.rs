//! Compiles the simulated 1C host: as a library that the tests drive, and as a program of its own for
//! memory checkers.
//!
//! What has the platform's class layouts is compiled as the platform is. 1C for Windows is built by Microsoft's
//! compiler, whose layouts MinGW's has not; clang has them, and its objects link with MinGW's.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// The platform's classes and what calls through them.
const SHAPES: [&str; 2] = ["tests/host/shapes.cpp", "tests/host/loops.cpp"];
/// The platform's side of things, free of class layouts.
const SIDE: &str = "tests/host/side.cpp";
const PROGRAM: &str = "tests/host/main.cpp";

fn main() {
    println!("cargo::rerun-if-changed=tests/host");
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
    build.file(SIDE);
    if env::var_os("CARGO_CFG_WINDOWS").is_some() {
        for (number, source) in SHAPES.iter().enumerate() {
            build.object(microsoft(&target, source, number));
        }
        build.cpp_link_stdlib(None).compile("simulated1c");
        // From archives, so that the tests need no other DLL beside them.
        for library in ["stdc++", "winpthread"] {
            let archive = archive(compiler.path(), &format!("lib{library}.a"));
            println!("cargo::rustc-link-search=native={}", archive.display());
            println!("cargo::rustc-link-lib=static:-bundle={library}");
        }
    } else {
        build.files(SHAPES).compile("simulated1c");
        // The program loads a library by dlopen; memory checkers for it are Unix's.
        let program = out_dir().join("host");
        run(compiler
            .to_command()
            .args(["-g", PROGRAM, SHAPES[0], SIDE, "-o"])
            .arg(&program)
            .args(["-ldl", "-lpthread"]));
        println!(
            "cargo::rustc-env=LICENCE_HOST_PROGRAM={}",
            program.display()
        );
    }
}

/// Compiles a source in Microsoft's layout, without headers of any system.
fn microsoft(target: &str, source: &str, number: usize) -> PathBuf {
    let object = out_dir().join(format!("shapes{number}.o"));
    run(Command::new("clang++")
        .arg(format!(
            "--target={}",
            target.replace("windows-gnu", "windows-msvc")
        ))
        .args(["-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror"])
        .args(["-ffreestanding", "-fno-exceptions", "-fno-rtti"])
        .args(["-fno-threadsafe-statics", "-nostdinc++"])
        .args(["-isystem", "tests/host/microsoft", "-c", source, "-o"])
        .arg(&object));
    object
}

/// The folder of an archive that comes with the compiler.
fn archive(compiler: &Path, name: &str) -> PathBuf {
    let output = Command::new(compiler)
        .arg(format!("-print-file-name={name}"))
        .output()
        .expect("the C++ compiler that has just compiled the library can be started");
    let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let folder = path.parent().filter(|folder| folder.is_absolute());
    folder
        .unwrap_or_else(|| panic!("{name} does not come with {}", compiler.display()))
        .to_owned()
}

fn out_dir() -> PathBuf {
    PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"))
}

fn run(command: &mut Command) {
    let status = command
        .status()
        .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    assert!(status.success(), "{command:?} fails");
}
