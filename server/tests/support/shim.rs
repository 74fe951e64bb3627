//! A wall clock of a program's own.

#![allow(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The library that moves the clock of a program.
pub(crate) fn shim(folder: &Path) -> PathBuf {
    let library = folder.join("clock.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/clock.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .status()
        .unwrap();
    assert!(built.success(), "the C compiler failed");
    library
}
