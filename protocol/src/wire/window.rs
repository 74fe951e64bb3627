//! The server's memory of a channel's requests: each number is worked on once, and its answer is kept,
//! sealed, until the component acknowledges it.

use std::{collections::BTreeMap, sync::Arc};

use super::{MAX_REQUESTS, WINDOW};

/// What to do with a request of some number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is new: work on it, then call [`Window::answered`].
    New,
    /// It is being worked on: wait for the first one's answer.
    UnderWay,
    /// It was answered before: send the same bytes again.
    Answered(Arc<[u8]>),
    /// The number was acknowledged, is too far ahead, or came with other bytes: refuse.
    Refused,
}

/// The window of one channel.
#[derive(Debug, Default)]
pub struct Window {
    acknowledged: u64,
    entries: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    request_hash: [u8; 32],
    answer: Option<Arc<[u8]>>,
}

impl Window {
    /// Admits a sealed request. `request_hash` is SHA-256 of its bytes: a retry repeats the same bytes.
    pub fn admit(&mut self, number: u64, request_hash: [u8; 32]) -> Admission {
        if number < self.acknowledged
            || number >= self.acknowledged + WINDOW
            || number >= MAX_REQUESTS
        {
            return Admission::Refused;
        }
        match self.entries.get(&number) {
            None => {
                self.entries.insert(
                    number,
                    Entry {
                        request_hash,
                        answer: None,
                    },
                );
                Admission::New
            }
            Some(entry) if entry.request_hash != request_hash => Admission::Refused,
            Some(Entry { answer: None, .. }) => Admission::UnderWay,
            Some(Entry {
                answer: Some(answer),
                ..
            }) => Admission::Answered(Arc::clone(answer)),
        }
    }

    /// Keeps the sealed answer of a request.
    pub fn answered(&mut self, number: u64, sealed: Arc<[u8]>) {
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.answer = Some(sealed);
        }
    }

    /// The component has all answers below `ack`: they are forgotten. Requests under way stay, and a number
    /// that was never admitted cannot be acknowledged.
    pub fn acknowledge(&mut self, ack: u64) {
        let Some((last, _)) = self.entries.last_key_value() else {
            return;
        };
        let unanswered = self
            .entries
            .iter()
            .find(|(_, entry)| entry.answer.is_none());
        let limit = unanswered.map_or(last + 1, |(number, _)| *number).min(ack);
        if limit > self.acknowledged {
            self.acknowledged = limit;
            while let Some(first) = self.entries.first_entry() {
                if *first.key() >= limit {
                    break;
                }
                first.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_gets_the_same_bytes_and_other_bytes_are_refused() {
        let mut window = Window::default();
        assert_eq!(window.admit(0, [1; 32]), Admission::New);
        assert_eq!(window.admit(0, [1; 32]), Admission::UnderWay);
        let answer: Arc<[u8]> = Arc::from(&b"sealed"[..]);
        window.answered(0, Arc::clone(&answer));
        assert_eq!(window.admit(0, [1; 32]), Admission::Answered(answer));
        assert_eq!(window.admit(0, [2; 32]), Admission::Refused);
    }

    #[test]
    fn the_window_moves_with_the_acknowledgement_and_never_past_a_request_under_way() {
        let mut window = Window::default();
        assert_eq!(window.admit(WINDOW, [0; 32]), Admission::Refused);
        assert_eq!(window.admit(0, [0; 32]), Admission::New);
        assert_eq!(window.admit(1, [0; 32]), Admission::New);
        window.answered(1, Arc::from(&b"x"[..]));
        window.acknowledge(2);
        assert_eq!(
            window.admit(0, [0; 32]),
            Admission::UnderWay,
            "0 is not answered yet"
        );
        window.answered(0, Arc::from(&b"x"[..]));
        window.acknowledge(2);
        assert_eq!(window.admit(1, [0; 32]), Admission::Refused);
        assert_eq!(window.admit(WINDOW + 1, [0; 32]), Admission::New);
        window.answered(WINDOW + 1, Arc::from(&b"x"[..]));
        window.acknowledge(u64::MAX);
        assert_eq!(window.admit(u64::MAX, [0; 32]), Admission::Refused);
        assert_eq!(
            window.admit(WINDOW + 2, [0; 32]),
            Admission::New,
            "an absurd ack moves no further than 65"
        );
    }
}
