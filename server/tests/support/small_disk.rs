//! A server whose data folder is a small file system, which only it sees and which goes with it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::running::Running;

/// Where the data folder is below the root.
pub(crate) const DATA: &str = "var/1C/licence/data";

/// Starts the server of a place with so much room for its data (as tmpfs has it), which are those that are there. Also tells by
/// which path its folder is seen from outside.
pub(crate) fn start(root: &Path, program: &Path, size: &str) -> (Running, PathBuf) {
    start_with(root, program, size, "true")
}

/// The same after a command of the shell, in which $1 is the data folder.
pub(crate) fn start_with(
    root: &Path,
    program: &Path,
    size: &str,
    before: &str,
) -> (Running, PathBuf) {
    let data = root.join(DATA);
    let kept = root.join("kept");
    fs::rename(&data, &kept).unwrap();
    fs::create_dir(&data).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=\"$4\" none \"$1\" && cp -p \"$2\"/* \"$1\" && {{ {before}; }} && exec \"$3\" run"
    );
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"])
        .args([&data, &kept, program])
        .arg(size)
        .env("LICENCE_ROOT", root)
        .env("LICENCE_MACHINE_ID", "test-machine");
    let server = Running::start(&mut command);
    let seen = Path::new("/proc")
        .join(server.process.id().to_string())
        .join("root")
        .join(data.strip_prefix("/").unwrap());
    (server, seen)
}
