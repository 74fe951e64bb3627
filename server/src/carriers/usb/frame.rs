//! The bytes of commands and answers. An answer is distrusted: every length is looked at before anything is kept.

/// Bytes of a head.
pub(super) const HEAD: usize = 8;
/// The longest payload of any command or answer.
pub(super) const MAX_PAYLOAD: usize = protocol::licence::MAX_FILE + 64;
/// Bytes of the answer to HELLO.
pub(super) const HELLO: usize = 16;
/// The protocol's version.
pub(super) const VERSION: u8 = 1;
/// The longest name of a licence.
const MAX_NAME: usize = 32;

/// What a key is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Command {
    /// The public halves of its holder key.
    Holder = 1,
    /// Makes the holder key. Wants the PIN.
    MakeHolder = 2,
    /// The names of its licences.
    List = 3,
    /// A licence.
    Read = 4,
    /// Puts a licence there, whole or not at all. Wants the PIN.
    Write = 5,
    /// Takes a licence away. Wants the PIN.
    Erase = 6,
    /// Signs a SHA-256.
    Sign = 7,
    /// Decrypts.
    Decrypt = 8,
    /// Takes the PIN.
    Unlock = 9,
    /// What its maker signed of it.
    Certificate = 10,
}

/// Why a key did not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// It did.
    Done,
    /// It wants the PIN first.
    Locked,
    /// The PIN is wrong.
    WrongPin,
    /// No PIN is taken any more.
    Blocked,
    /// No room.
    Full,
    /// Nothing can be written.
    ReadOnly,
    /// There is no such licence, or no holder key.
    Nothing,
    /// It does not know the command or its payload, or is broken.
    Other(u8),
}

impl Status {
    fn of(byte: u8) -> Self {
        match byte {
            0 => Self::Done,
            3 => Self::Locked,
            4 => Self::WrongPin,
            5 => Self::Blocked,
            6 => Self::Full,
            7 => Self::ReadOnly,
            8 => Self::Nothing,
            other => Self::Other(other),
        }
    }
}

/// An answer that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nonsense(pub(super) &'static str);

/// A command, as it is sent.
pub(super) fn command(command: Command, number: u16, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("what is sent is far shorter");
    let mut bytes = vec![command as u8, 0];
    bytes.extend(number.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(payload);
    bytes
}

/// The head of an answer: its status, and how long its payload is.
pub(super) fn answer(
    asked: Command,
    number: u16,
    limit: usize,
    bytes: &[u8],
) -> Result<(Status, usize), Nonsense> {
    let Some(&[kind, status, n0, n1, l0, l1, l2, l3]) = bytes.get(..HEAD) else {
        return Err(Nonsense("an answer without a head"));
    };
    if kind != asked as u8 | 0x80 || u16::from_le_bytes([n0, n1]) != number {
        return Err(Nonsense("an answer to something else"));
    }
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length > limit.min(MAX_PAYLOAD) {
        return Err(Nonsense("an answer that is too long"));
    }
    Ok((Status::of(status), length))
}

/// What a key says of itself at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    /// Nothing can be written.
    pub(super) read_only: bool,
    /// How many wrong PINs it takes before none is taken.
    pub(super) tries: u8,
}

/// Reads the answer to HELLO.
pub(super) fn hello(bytes: &[u8]) -> Result<Hello, Nonsense> {
    match bytes {
        [b'L', b'3', b'U', b'K', VERSION, flags, tries, ..] if bytes.len() == HELLO => Ok(Hello {
            read_only: flags & 1 != 0,
            tries: *tries,
        }),
        [b'L', b'3', b'U', b'K', ..] if bytes.len() == HELLO => {
            Err(Nonsense("another version of the protocol"))
        }
        _ => Err(Nonsense("no greeting")),
    }
}

/// The names in the answer to LIST.
pub(super) fn names(mut bytes: &[u8]) -> Result<Vec<String>, Nonsense> {
    let mut names = Vec::new();
    while let Some((&length, rest)) = bytes.split_first() {
        let length = usize::from(length);
        let (name, rest) = rest
            .split_at_checked(length)
            .filter(|_| (1..=MAX_NAME).contains(&length))
            .ok_or(Nonsense("a list with a name of a wrong length"))?;
        if !name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'.')
        {
            return Err(Nonsense("a list with a name that is none"));
        }
        names.push(name.iter().map(|byte| char::from(*byte)).collect());
        if names.len() > crate::carriers::MAX_LICENCES {
            return Err(Nonsense("a list that is too long"));
        }
        bytes = rest;
    }
    Ok(names)
}

/// A name, and what follows it, as WRITE wants them.
pub(super) fn named(name: &str, rest: &[u8]) -> Vec<u8> {
    let length = u8::try_from(name.len()).expect("names are short");
    [&[length], name.as_bytes(), rest].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_to_something_else_or_beyond_the_limit_is_none() {
        let good = [0x84, 0, 7, 0, 5, 0, 0, 0];
        assert_eq!(answer(Command::Read, 7, 5, &good), Ok((Status::Done, 5)));
        assert!(answer(Command::Read, 8, 5, &good).is_err());
        assert!(answer(Command::Write, 7, 5, &good).is_err());
        assert!(answer(Command::Read, 7, 4, &good).is_err());
        assert!(answer(Command::Read, 7, 5, &good[..7]).is_err());
        let endless = [0x84, 0, 7, 0, 255, 255, 255, 255];
        assert!(answer(Command::Read, 7, usize::MAX, &endless).is_err());
    }

    #[test]
    fn names_are_read_one_by_one_and_bad_lists_are_refused() {
        let list = [named("672B.1", b""), named("672B.2", b"")].concat();
        assert_eq!(names(&list), Ok(vec!["672B.1".into(), "672B.2".into()]));
        assert_eq!(names(b""), Ok(vec![]));
        for bad in [&b"\x00"[..], b"\x05abc", b"\x03a/b", b"\x03..\n"] {
            assert!(names(bad).is_err(), "{bad:?}");
        }
        assert!(names(&named("a", b"").repeat(100)).is_err());
    }

    proptest! {
        #[test]
        fn whatever_a_key_sends_is_read_or_refused(bytes: Vec<u8>) {
            let _ = hello(&bytes);
            if let Ok(names) = names(&bytes) {
                prop_assert!(names.len() <= crate::carriers::MAX_LICENCES);
            }
            if let Ok((_, length)) = answer(Command::Read, 1, 100, &bytes) {
                prop_assert!(length <= 100);
            }
        }
    }
}
