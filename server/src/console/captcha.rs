//! A picture to read before something is changed, when CheckCaptcha says so: a script that has the password is held up.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use biosvg::BiosvgBuilder;
use parking_lot::Mutex;

/// How long a picture waits.
const WAITS: Duration = Duration::from_secs(10 * 60);
/// The most that wait.
const MOST: usize = 500;
/// Colours that are told from white and from each other; the style sheet puts white behind the picture.
const COLOURS: [&str; 5] = ["#1f4e79", "#7a2e2e", "#2e6b34", "#6a3d7c", "#7a5a12"];

/// Pictures that wait to be read.
#[derive(Default)]
pub(super) struct Pictures {
    waiting: Mutex<HashMap<String, (String, Instant)>>,
}

/// A picture for a page.
pub(super) struct Picture {
    /// What its form sends.
    pub(super) id: String,
    /// The picture as an address: SVG in base64.
    pub(super) address: String,
}

impl Pictures {
    /// A new picture.
    pub(super) fn draw(&self) -> Option<Picture> {
        let (answer, svg) = BiosvgBuilder::new()
            .length(5)
            .difficulty(6)
            .colors(COLOURS.map(String::from).to_vec())
            .build()
            .ok()?;
        let id = data_encoding::HEXLOWER.encode(&protocol::random_bytes::<16>());
        let mut waiting = self.waiting.lock();
        waiting.retain(|_, (_, since)| since.elapsed() < WAITS);
        if waiting.len() >= MOST {
            let oldest = waiting.iter().min_by_key(|(_, (_, since))| *since);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                waiting.remove(&oldest);
            }
        }
        waiting.insert(id.clone(), (answer, Instant::now()));
        let svg = data_encoding::BASE64.encode(svg.as_bytes());
        Some(Picture {
            id,
            address: format!("data:image/svg+xml;base64,{svg}"),
        })
    }

    /// Whether a picture was read right. Each is good for one try.
    pub(super) fn read(&self, id: &str, text: &str) -> bool {
        let found = self.waiting.lock().remove(id);
        found.is_some_and(|(answer, since)| {
            since.elapsed() < WAITS && answer.eq_ignore_ascii_case(text.trim())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_good_for_one_try() {
        let pictures = Pictures::default();
        let answer = |id: &str| pictures.waiting.lock()[id].0.clone();
        let first = pictures.draw().unwrap();
        assert!(
            first
                .address
                .starts_with("data:image/svg+xml;base64,PHN2Zy")
        );
        let text = answer(&first.id);
        assert!(pictures.read(&first.id, &format!(" {} ", text.to_uppercase())));
        assert!(!pictures.read(&first.id, &text), "once");
        let second = pictures.draw().unwrap();
        let text = answer(&second.id);
        assert!(!pictures.read(&second.id, "wrong"));
        assert!(!pictures.read(&second.id, &text), "one try");
    }

    #[test]
    fn pictures_that_nobody_reads_take_no_more_memory() {
        let pictures = Pictures::default();
        for number in 0..MOST {
            let since = Instant::now();
            let mut waiting = pictures.waiting.lock();
            waiting.insert(number.to_string(), (String::new(), since));
        }
        assert!(pictures.draw().is_some());
        assert_eq!(pictures.waiting.lock().len(), MOST);
    }
}
