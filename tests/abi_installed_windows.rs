//! The installed component on Windows, as far as Wine can show it: there a file belongs to the user who made it, never to the
//! system, so the one that is installed must not be used, and 1C reads why. That it is used where it does belong to the system
//! is shown on Linux, in `abi_installed.rs`.

#![cfg(windows)]

use std::{fs, process::Command};

use licence::{
    process::Process,
    programs::{addin_library, process1c},
};

#[test]
fn an_installed_component_that_a_user_could_have_put_there_is_not_used_and_1c_reads_why() {
    let root = tempfile::tempdir().unwrap();
    // Where the installer puts it on a 64-bit system.
    let (processor, programs) = if cfg!(target_arch = "x86") {
        ("i386", "Program Files (x86)")
    } else {
        ("x86_64", "Program Files")
    };
    let folder = root.path().join(programs).join(r"1C\Licence\3.0");
    fs::create_dir_all(&folder).unwrap();
    let installed = folder.join(format!("licenceaddin-{processor}.dll"));
    let start = || {
        let mut process = Process::bare(
            Command::new(process1c())
                .env("LICENCE_ROOT", root.path())
                .current_dir(root.path()),
        );
        process.load(&addin_library());
        process
    };

    let mut process = start();
    let module = process.settings()["Module"].clone();
    assert_eq!(module["Installed"]["State"], "absent", "{module}");
    assert!(process.exit());

    fs::copy(addin_library(), &installed).unwrap();
    let mut process = start();
    let module = process.settings()["Module"].clone();
    assert_eq!(module["Installed"]["State"], "refused", "{module}");
    assert_eq!(module["Installed"]["File"], installed.display().to_string());
    let reason = module["Installed"]["Reason"].as_str().unwrap();
    assert!(
        reason.contains("does not belong to the system")
            || reason.contains("can be written by others"),
        "{reason}"
    );
    assert_eq!(module["TemplateVersion"], module["Version"]);
    assert!(!process.text("Version").is_empty());
    assert!(process.exit());
}
