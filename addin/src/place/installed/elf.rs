//! Whether a library is whole and for this kind of process: the system's loader maps one that is cut short all
//! the same, and the process ends when it touches what is missing.

use std::{fs::File, io, os::unix::fs::FileExt};

const WIDE: bool = cfg!(target_pointer_width = "64");
const MACHINE: u16 = if cfg!(target_arch = "x86") { 3 } else { 62 };
const SEGMENTS_MAX: u64 = 64;
const LOAD: u64 = 1;

/// What is wrong with the file; none if nothing is.
pub(super) fn complaint(file: &File) -> io::Result<Option<&'static str>> {
    let length = file.metadata()?.len();
    let mut head = [0; 64];
    // The shorter header of 32 bits is 52 bytes long, and no library is shorter than 64.
    if length < head.len() as u64 {
        return Ok(Some("the file is cut short"));
    }
    file.read_exact_at(&mut head, 0)?;
    if !head.starts_with(b"\x7fELF") || head[5] != 1 {
        return Ok(Some("the file is no library"));
    }
    let class = if WIDE { 2 } else { 1 };
    if head[4] != class || number(&head, 18, 2) != u64::from(MACHINE) {
        return Ok(Some("the file is for another processor"));
    }
    let (start, size, count) = if WIDE {
        (
            number(&head, 32, 8),
            number(&head, 54, 2),
            number(&head, 56, 2),
        )
    } else {
        (
            number(&head, 28, 4),
            number(&head, 42, 2),
            number(&head, 44, 2),
        )
    };
    let expected = if WIDE { 56 } else { 32 };
    if size != expected || count == 0 || count > SEGMENTS_MAX {
        return Ok(Some("the file is no library"));
    }
    for index in 0..count {
        let mut segment = [0; 56];
        let segment = &mut segment[..expected as usize];
        let at = start.saturating_add(index * size);
        if at.saturating_add(size) > length {
            return Ok(Some("the file is cut short"));
        }
        file.read_exact_at(segment, at)?;
        let (offset, bytes) = if WIDE {
            (number(segment, 8, 8), number(segment, 32, 8))
        } else {
            (number(segment, 4, 4), number(segment, 16, 4))
        };
        if number(segment, 0, 4) == LOAD && offset.saturating_add(bytes) > length {
            return Ok(Some("the file is cut short"));
        }
    }
    Ok(None)
}

/// A little-endian number of so many bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    let bytes = bytes.get(at..at + length).unwrap_or_default();
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn of(bytes: &[u8]) -> Option<&'static str> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.so");
        fs::write(&path, bytes).unwrap();
        complaint(&File::open(&path).unwrap()).unwrap()
    }

    #[test]
    fn a_whole_program_passes_and_every_part_of_it_does_not() {
        let whole = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(of(&whole), None);
        for length in [0, 10, 63, 64, 200, 4096, whole.len() / 4] {
            assert!(of(&whole[..length]).is_some(), "{length}");
        }
    }

    #[test]
    fn another_processor_and_nonsense_are_told() {
        let mut program = fs::read(std::env::current_exe().unwrap()).unwrap();
        program[18] = 183;
        assert_eq!(of(&program), Some("the file is for another processor"));
        program[4] ^= 3;
        assert_eq!(of(&program), Some("the file is for another processor"));
        assert_eq!(of(&[b'x'; 200]), Some("the file is no library"));
        let mut garbage = program[..64].to_vec();
        garbage.extend([0xFF; 4096]);
        assert!(of(&garbage).is_some());
    }
}
