//! What a server's backup holds under its passphrase: of no edit is anything written outside the server's own places.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(
    dead_code,
    reason = "the server's own file; not all of it is used here"
)]
#[path = "../../server/src/backup/format.rs"]
mod format;

fuzz_target!(|bytes: &[u8]| {
    let Ok(archive) = format::Archive::from_bytes(bytes) else {
        return;
    };
    assert!(archive.files.len() <= format::MAX_FILES);
    for entry in &archive.files {
        let outside = entry.name.starts_with('/')
            || entry
                .name
                .split('/')
                .any(|part| matches!(part, "" | "." | ".."))
            || entry.name.contains(['\\', ':', '\0']);
        assert!(!outside, "{}", entry.name);
    }
    let written = archive.to_bytes();
    assert!(format::Archive::from_bytes(&written).is_ok());
});
