//! Packing and opening, of whole files and of cut and altered ones.

use std::io;

use super::*;
use crate::{
    cryptkey::{ContentKey, CryptKey},
    signature::{Algorithm, SigningKey},
};

fn keys() -> CryptKey {
    CryptKey {
        key_id: KeyId(0x672B),
        name: "Test".into(),
        created_at: 0,
        signing: SigningKey::generate(Algorithm::Ed25519),
        content_keys: vec![ContentKey {
            version: 1,
            key: Secret::random(),
        }],
        earlier: None,
    }
}

fn input(name: &str, content: Vec<u8>) -> pack::Input {
    pack::Input {
        name: name.into(),
        version: 2,
        flags: 5,
        content,
    }
}

fn packed(keys: &CryptKey, inputs: &[pack::Input]) -> Vec<u8> {
    let mut file = Vec::new();
    pack::write(inputs, keys, pack::Draw::random(), &mut file).unwrap();
    file
}

fn object(file: &[u8], keys: &CryptKey, name: &str) -> io::Result<Vec<u8>> {
    let signed = read_directory(&mut &file[..], None).map_err(io::Error::other)?;
    let entry = signed.directory.object(name).unwrap();
    let key = signed
        .directory
        .object_key(&keys.content_keys[0].key, entry);
    let (offset, length) = signed.place(name).unwrap();
    let mut out = Vec::new();
    let end = file.len().min((offset + length) as usize);
    open_object(
        &signed,
        entry,
        &key,
        &file[(offset as usize).min(end)..end],
        &mut out,
    )?;
    Ok(out)
}

#[test]
fn objects_of_every_size_around_a_chunk_come_back_whole() {
    let keys = keys();
    let noise = crate::random_bytes::<4096>().repeat(40);
    let inputs: Vec<_> = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK]
        .into_iter()
        .flat_map(|size| {
            let random: Vec<u8> = (0..size)
                .map(|at| noise[at % noise.len()] ^ (at >> 12) as u8)
                .collect();
            [
                input(&format!("random {size}"), random),
                input(&format!("zeroes {size}"), vec![0; size]),
            ]
        })
        .collect();
    let file = packed(&keys, &inputs);
    assert_eq!(
        read_directory(&mut &file[..], None).unwrap().file_size(),
        file.len() as u64
    );
    for input in &inputs {
        assert_eq!(
            object(&file, &keys, &input.name).unwrap(),
            input.content,
            "{}",
            input.name
        );
    }
}

#[test]
fn a_file_cut_or_altered_anywhere_never_gives_an_object() {
    let keys = keys();
    let file = packed(
        &keys,
        &[input(
            "a",
            b"the protected object, the protected object".to_vec(),
        )],
    );
    for length in 0..file.len() {
        assert!(
            object(&file[..length], &keys, "a").is_err(),
            "cut to {length}"
        );
    }
    for at in 0..file.len() {
        let mut altered = file.clone();
        altered[at] ^= 0x10;
        assert!(object(&altered, &keys, "a").is_err(), "altered at {at}");
    }
}
