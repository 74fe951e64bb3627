//! A picture to read before something is changed, when CheckCaptcha says so: a script that has the password is held up.
//!
//! Nothing is kept of a picture that nobody has read: its number carries the answer under a keyed hash, so however many are
//! asked for, nobody else's picture goes. A number that was tried is kept until the picture would be too old anyway.

use std::{
    collections::HashMap,
    time::{SystemTime, UNIX_EPOCH},
};

use biosvg::BiosvgBuilder;
use data_encoding::HEXLOWER;
use parking_lot::Mutex;

use super::posted::same;
use crate::access::SignIn;

/// How long a picture may be read, in seconds.
const WAITS: u64 = 10 * 60;
/// The most tried pictures that are kept. A crowd of more makes the oldest good for a second try.
const MOST: usize = 20_000;
/// Colours that are told from white and from each other; the style sheet puts white behind the picture.
const COLOURS: [&str; 5] = ["#1f4e79", "#7a2e2e", "#2e6b34", "#6a3d7c", "#7a5a12"];

/// Pictures that were tried, by their numbers, with the second at which they are too old.
#[derive(Default)]
pub(super) struct Pictures {
    tried: Mutex<HashMap<String, u64>>,
}

/// A picture for a page.
pub(super) struct Picture {
    /// What its form sends: number, end and the keyed hash of the answer, with points between them.
    pub(super) id: String,
    /// The picture as an address: SVG in base64.
    pub(super) address: String,
}

impl Picture {
    /// A new picture.
    pub(super) fn draw(keys: &SignIn) -> Option<Self> {
        Self::draw_at(keys, now()).map(|(picture, _)| picture)
    }

    /// With its answer.
    fn draw_at(keys: &SignIn, now: u64) -> Option<(Self, String)> {
        let (answer, svg) = BiosvgBuilder::new()
            .length(5)
            .difficulty(6)
            .colors(COLOURS.map(String::from).to_vec())
            .build()
            .ok()?;
        let number = HEXLOWER.encode(&protocol::random_bytes::<16>());
        let end = (now + WAITS).to_string();
        let picture = Self {
            id: format!("{number}.{end}.{}", hash(keys, &number, &end, &answer)),
            address: format!(
                "data:image/svg+xml;base64,{}",
                data_encoding::BASE64.encode(svg.as_bytes())
            ),
        };
        Some((picture, answer))
    }
}

impl Pictures {
    /// Whether a picture was read right. Each is good for one try.
    pub(super) fn read(&self, keys: &SignIn, id: &str, letters: &str) -> bool {
        self.read_at(keys, id, letters, now())
    }

    fn read_at(&self, keys: &SignIn, id: &str, letters: &str, now: u64) -> bool {
        let mut parts = id.split('.');
        let (Some(number), Some(end), Some(right), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        let lives = |end: u64| end > now && end <= now + WAITS;
        let Some(until) = end.parse().ok().filter(|end| lives(*end)) else {
            return false;
        };
        if number.len() != 32 || !self.try_once(number, until, now) {
            return false;
        }
        same(&hash(keys, number, end, letters), right)
    }

    /// Notes a try; false when there was one.
    fn try_once(&self, number: &str, until: u64, now: u64) -> bool {
        let mut tried = self.tried.lock();
        if tried.contains_key(number) {
            return false;
        }
        if tried.len() >= MOST {
            tried.retain(|_, until| *until > now);
        }
        if tried.len() >= MOST {
            let oldest = tried.iter().min_by_key(|(_, until)| **until);
            if let Some(oldest) = oldest.map(|(number, _)| number.clone()) {
                tried.remove(&oldest);
            }
        }
        tried.insert(number.to_owned(), until);
        true
    }
}

fn hash(keys: &SignIn, number: &str, end: &str, answer: &str) -> String {
    let answer = answer.trim().to_ascii_lowercase();
    HEXLOWER.encode(&keys.tag(&["picture", number, end, &answer]))
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_good_for_one_try() {
        let (keys, pictures) = (SignIn::default(), Pictures::default());
        let (first, text) = Picture::draw_at(&keys, 1000).unwrap();
        assert!(
            first
                .address
                .starts_with("data:image/svg+xml;base64,PHN2Zy")
        );
        let typed = format!(" {} ", text.to_uppercase());
        assert!(pictures.read_at(&keys, &first.id, &typed, 1001));
        assert!(!pictures.read_at(&keys, &first.id, &text, 1002), "once");
        let (second, text) = Picture::draw_at(&keys, 1000).unwrap();
        assert!(!pictures.read_at(&keys, &second.id, "wrong", 1001));
        assert!(!pictures.read_at(&keys, &second.id, &text, 1002), "one try");
    }

    #[test]
    fn a_picture_grows_old_and_nobody_else_makes_one() {
        let (keys, pictures) = (SignIn::default(), Pictures::default());
        let (old, text) = Picture::draw_at(&keys, 1000).unwrap();
        assert!(!pictures.read_at(&keys, &old.id, &text, 1000 + WAITS));
        let (longer, text) = Picture::draw_at(&keys, 1000).unwrap();
        let later = longer.id.replace("1600", "2200");
        assert!(!pictures.read_at(&keys, &later, &text, 1700));
        let (other, text) = Picture::draw_at(&SignIn::default(), 1000).unwrap();
        assert!(!pictures.read_at(&keys, &other.id, &text, 1001));
        for made_up in ["", "..", "a.b.c", "1.2.3.4"] {
            assert!(!pictures.read_at(&keys, made_up, "", 1001), "{made_up}");
        }
    }

    #[test]
    fn tries_take_no_more_memory() {
        let (keys, pictures) = (SignIn::default(), Pictures::default());
        for number in 0..MOST + 3 {
            let id = format!("{number:032x}.1500.0");
            assert!(!pictures.read_at(&keys, &id, "x", 1000));
        }
        assert_eq!(pictures.tried.lock().len(), MOST);
    }
}
