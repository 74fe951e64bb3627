//! Functions of the C library that a test puts its own before.

#![allow(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Builds the library of that name, for LD_PRELOAD.
pub(crate) fn shim(folder: &Path, name: &str) -> PathBuf {
    let library = folder.join(name).with_extension("so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/support")
        .join(name)
        .with_extension("c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .status()
        .unwrap();
    assert!(built.success(), "the C compiler failed");
    library
}
