//! The programs and the library under test, never stale: cargo builds them once per test process.

use std::{
    collections::HashMap,
    env,
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    sync::{LazyLock, Mutex, PoisonError},
};

/// The library that 1C loads, freshly built.
#[must_use]
pub fn addin_library() -> PathBuf {
    built(
        "licenceaddin",
        &["--lib"],
        &format!(
            "{}licenceaddin{}",
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
        "licenceedit" => "licencecenter",
        other => panic!("no package of the workspace has a program {other}"),
    };
    built(
        package,
        &["--bin", name],
        &format!("{name}{}", env::consts::EXE_SUFFIX),
    )
}

/// The simulated 1C host as a program of its own: `host LIBRARY`.
#[cfg(unix)]
#[must_use]
pub fn host_program() -> &'static Path {
    Path::new(env!("LICENCE_HOST_PROGRAM"))
}

static BUILT: LazyLock<Mutex<HashMap<String, PathBuf>>> = LazyLock::new(Mutex::default);

fn built(package: &str, what: &[&str], file: &str) -> PathBuf {
    let mut known = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = known.get(file) {
        return path.clone();
    }
    let folder = profile_folder();
    // Test processes of one run may ask at the same time; one builds, the others find it done.
    let lock =
        File::create(folder.join(".built-for-tests.lock")).expect("the target folder is writable");
    lock.lock()
        .expect("a file of the target folder can be locked");
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--package", package])
        .args(what);
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
    if target.ends_with(env!("LICENCE_TARGET")) {
        command.args(["--target", env!("LICENCE_TARGET")]);
        target = target
            .parent()
            .expect("a target's folder is in the target folder");
    }
    command.arg("--target-dir").arg(target);
    let output = command
        .output()
        .expect("cargo runs: it has just run this test");
    assert!(
        output.status.success(),
        "{package} does not build:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let path = folder.join(file);
    assert!(
        path.exists(),
        "{} is missing although {package} was built",
        path.display()
    );
    known.insert(file.to_owned(), path.clone());
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
