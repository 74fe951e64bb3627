//! The programs and the library under test, never stale: cargo builds them once per test process.
//!
//! For another platform the stage `component` has built them before, and says where they are: [`LIBRARY`],
//! [`OTHER_LIBRARY`] and [`PROCESS`] are variables of the environment.

use std::{
    collections::HashSet,
    env,
    fs::File,
    path::PathBuf,
    process::Command,
    sync::{LazyLock, Mutex, PoisonError},
};

/// Names the library to be tested instead of this platform's.
const LIBRARY: &str = "LICENCE_TEST_LIBRARY";
/// Names the same library as another version.
const OTHER_LIBRARY: &str = "LICENCE_TEST_OTHER_LIBRARY";
/// Names the simulated 1C process that can load these, or a program that runs it.
const PROCESS: &str = "LICENCE_TEST_PROCESS";

/// A file that the environment names.
fn named(variable: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env::var_os(variable)?);
    assert!(
        path.is_file(),
        "{variable} names no file: {}",
        path.display()
    );
    Some(path)
}

/// The library that 1C loads, freshly built.
#[must_use]
pub fn addin_library() -> PathBuf {
    named(LIBRARY).unwrap_or_else(|| library("licenceaddin", None))
}

/// The same library as another version, 3.0.x.7528, in a folder of its own.
#[must_use]
pub fn other_addin_library() -> PathBuf {
    if let Some(library) = named(OTHER_LIBRARY) {
        return library;
    }
    let target = profile_folder().join("other-version");
    let mut command = cargo_build("licenceaddin", &["--lib"]);
    command
        .env("LICENCE_BUILD_NUMBER", "7528")
        // Nothing of it was built before, and how fast it runs does not matter.
        .args(["--config", "profile.dev.package.\"*\".opt-level=0"])
        .arg("--target-dir")
        .arg(&target);
    let folder = match cross_target() {
        Some(name) => target.join(name),
        None => target,
    };
    once(
        command,
        folder.join("debug").join(format!(
            "{}licenceaddin{}",
            env::consts::DLL_PREFIX,
            env::consts::DLL_SUFFIX
        )),
    )
}

/// The library that 1C loads, built as it is shipped: the named one, or at least by the profile that it is shipped with.
#[must_use]
pub fn shipped_library() -> PathBuf {
    named(LIBRARY).unwrap_or_else(|| library("licenceaddin", Some("component")))
}

/// The component that the benches compare with.
#[must_use]
pub fn peer_library() -> PathBuf {
    library("licence-peer", None)
}

fn library(package: &str, profile: Option<&str>) -> PathBuf {
    let name = package.trim_start_matches("licence-");
    built(
        package,
        &["--lib"],
        profile,
        &format!(
            "{}{name}{}",
            env::consts::DLL_PREFIX,
            env::consts::DLL_SUFFIX
        ),
    )
}

/// A program of the workspace by its name (`licenceserver`, `licenceedit`), freshly built.
///
/// # Panics
/// When no package of the workspace has such a program, or it does not build.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let package = match name {
        "licenceserver" => "licenceserver",
        "licenceedit" | "licencecenter" => "licencecenter",
        "bare_axum" => "licence-peer",
        other => panic!("no package of the workspace has a program {other}"),
    };
    built(
        package,
        &["--bin", name],
        None,
        &format!("{name}{}", env::consts::EXE_SUFFIX),
    )
}

/// The simulated 1C process, of this package: cargo built it together with whoever asks.
#[must_use]
pub fn process1c() -> PathBuf {
    named(PROCESS)
        .unwrap_or_else(|| profile_folder().join(format!("process1c{}", env::consts::EXE_SUFFIX)))
}

/// The simulated 1C process with many objects, of this package too.
#[must_use]
pub fn crowd1c() -> PathBuf {
    profile_folder().join(format!("crowd1c{}", env::consts::EXE_SUFFIX))
}

/// The simulated 1C host as a program of its own: `host LIBRARY`.
#[cfg(unix)]
#[must_use]
pub fn host_program() -> &'static std::path::Path {
    std::path::Path::new(env!("LICENCE_HOST_PROGRAM"))
}

static BUILT: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);

fn built(package: &str, what: &[&str], profile: Option<&str>, file: &str) -> PathBuf {
    let mut folder = profile_folder();
    if let Some(profile) = profile {
        folder.set_file_name(profile);
    }
    let mut command = cargo_build(package, what);
    let profile = folder
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a profile's folder has a name");
    command.args([
        "--profile",
        if profile == "debug" { "dev" } else { profile },
    ]);
    let mut target = folder
        .parent()
        .expect("a profile's folder is in the target folder");
    if cross_target().is_some() {
        target = target
            .parent()
            .expect("a target's folder is in the target folder");
    }
    command.arg("--target-dir").arg(target);
    once(command, folder.join(file))
}

fn cargo_build(package: &str, what: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--package", package])
        .args(what);
    // What cargo tells the test of its package is no word to whatever is built now: build scripts (ring's) look at it,
    // and would run again each time that they are called from here and from elsewhere in turn.
    for (name, _) in env::vars_os() {
        let of_package = name.to_str().is_some_and(|name| {
            name == "OUT_DIR"
                || name.starts_with("CARGO_PKG_")
                || name.starts_with("CARGO_MANIFEST_")
        });
        if of_package {
            command.env_remove(name);
        }
    }
    if let Some(target) = cross_target() {
        command.args(["--target", target]);
    }
    command
}

/// The target that the tests were told to be built for, unless they are for the host's own.
fn cross_target() -> Option<&'static str> {
    let target = env!("LICENCE_TARGET");
    profile_folder()
        .parent()
        .is_some_and(|folder| folder.ends_with(target))
        .then_some(target)
}

/// Runs a build once per test process; what it made.
fn once(mut command: Command, path: PathBuf) -> PathBuf {
    let mut known = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if known.contains(&path) {
        return path;
    }
    // Test processes of one run may ask at the same time; one builds, the others find it done.
    let lock = File::create(profile_folder().join(".built-for-tests.lock"))
        .expect("the target folder is writable");
    lock.lock()
        .expect("a file of the target folder can be locked");
    let output = command
        .output()
        .expect("cargo runs: it has just run this test");
    assert!(
        output.status.success(),
        "{command:?} fails:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        path.exists(),
        "{} is missing although it was built",
        path.display()
    );
    known.insert(path.clone());
    path
}

/// `target/debug` for a test that is `target/debug/deps/name-hash`, or an example beside it.
fn profile_folder() -> PathBuf {
    let test = env::current_exe().expect("a test knows its file");
    let folder = test.parent().expect("a file is in a folder");
    let folder = if folder.ends_with("deps") || folder.ends_with("examples") {
        folder.parent().unwrap_or(folder)
    } else {
        folder
    };
    folder.to_owned()
}
