//! Passes the build number from the workspace's metadata on to the code.

use std::{env, fs, path::Path};

fn main() {
    let manifest = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let workspace = Path::new(&manifest).join("../Cargo.toml");
    println!("cargo::rerun-if-changed={}", workspace.display());
    let text = fs::read_to_string(&workspace).expect("the workspace's Cargo.toml is readable");
    let build = text
        .lines()
        .skip_while(|line| line.trim() != "[workspace.metadata]")
        .find_map(|line| line.strip_prefix("build = "))
        .expect("[workspace.metadata] has a line `build = N`");
    // Tests build a second version beside the first.
    println!("cargo::rerun-if-env-changed=LICENCE_BUILD_NUMBER");
    let build = env::var("LICENCE_BUILD_NUMBER").unwrap_or_else(|_| build.trim().to_owned());
    println!("cargo::rustc-env=LICENCE_BUILD={build}");
}
