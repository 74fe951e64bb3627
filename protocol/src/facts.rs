//! Who asks for a seat: the facts of a component, of a 1C session, and who of them occupies a seat.

mod infobase;

use base64ct::{Base64UrlUnpadded, Encoding};
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

pub use infobase::normalised_infobase;

use crate::UnixSeconds;

/// The longest infobase string, in bytes of UTF-8.
pub const MAX_INFOBASE: usize = 2048;
/// The longest of the other texts, in bytes of UTF-8.
pub const MAX_TEXT: usize = 1024;

/// What a component tells of its process, once a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ComponentFacts {
    /// As "Debian GNU/Linux 12 (x86_64)" or "Windows 10 10.0.16299 (x86_64)".
    #[n(0)]
    pub os_version: String,
    /// The computer's name.
    #[n(1)]
    pub computer_name: String,
    /// Local IPv4 addresses with commas.
    #[n(2)]
    pub local_ip: String,
    /// The process's program file.
    #[n(3)]
    pub process: String,
    /// `i386` or `x86_64`.
    #[n(4)]
    pub cpu: String,
    /// The process's number.
    #[n(5)]
    pub pid: u32,
    /// True in a 1C server or web server process.
    #[n(6)]
    pub is_server: bool,
    /// The 1C platform's version, empty when it does not tell.
    #[n(7)]
    pub platform_version: String,
    /// The component's file.
    #[n(8)]
    pub module_name: String,
    /// The component's version.
    #[n(9)]
    pub version: String,
    /// Names the computer: 40 hex digits, the same for every process and user of it.
    #[n(10)]
    pub computer_id: String,
    /// The terminal client, when the process runs in a terminal session.
    #[n(11)]
    pub terminal: Option<Terminal>,
}

/// The far end of a terminal session.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Terminal {
    /// Its name, as the terminal server tells it.
    #[n(0)]
    pub name: String,
    /// Its address, empty when not told.
    #[n(1)]
    pub address: String,
    /// True when only environment variables told it: the journal marks that.
    #[n(2)]
    pub from_environment: bool,
}

/// What identifies one 1C session wherever it is seen from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SessionKey {
    /// The infobase's connection string, as 1C gives it.
    #[n(0)]
    pub infobase: String,
    /// The session's number in the infobase.
    #[n(1)]
    pub number: u32,
    /// When the session began: its UTC wall-clock time as seconds since 1970.
    #[n(2)]
    pub started: UnixSeconds,
}

/// The facts of a 1C session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SessionFacts {
    /// What identifies it.
    #[n(0)]
    pub key: SessionKey,
    /// The infobase user.
    #[n(1)]
    pub user_name: String,
    /// The computer that 1C names for the session.
    #[n(2)]
    pub computer_name: String,
    /// The 1C application, as "1CV8C" or "BackgroundJob".
    #[n(3)]
    pub app_name: String,
    /// The session whose seat a technical session shares.
    #[n(4)]
    pub parent: Option<SessionKey>,
    /// True when a server process gathered them, whoever passes them on; absent means a client did.
    #[n(5)]
    pub gathered_on_server: Option<bool>,
}

/// SHA-256 that names a session or a seat's occupant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Identity(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

/// Who occupies one seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Occupant {
    /// An infobase session.
    #[n(0)]
    Session(#[n(0)] Identity),
    /// All client processes with file infobases on one computer.
    #[n(1)]
    Computer(#[n(0)] Identity),
    /// The same in the terminal sessions of one terminal client.
    #[n(2)]
    Terminal(#[n(0)] Identity),
}

/// A text of the facts that is too long or cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// A text is too long.
    #[error("{0} is longer than {1} bytes")]
    TooLong(&'static str, usize),
    /// The opaque text was not made by SessionFacts.
    #[error("the text was not made by SessionFacts(); pass it on unchanged")]
    NotFacts,
}

/// What begins the opaque text of session facts.
const TEXT_PREFIX: &str = "LF1.";

impl SessionFacts {
    /// The text that one process passes to another, made of nothing but these facts.
    pub fn to_text(&self) -> String {
        let body = Base64UrlUnpadded::encode_string(&crate::envelope::to_cbor(self));
        format!("{TEXT_PREFIX}{body}")
    }

    /// Reads such a text.
    ///
    /// # Errors
    /// [`FactsError`] for any other text, or one past the limits.
    pub fn from_text(text: &str) -> Result<Self, FactsError> {
        let body = text
            .trim()
            .strip_prefix(TEXT_PREFIX)
            .ok_or(FactsError::NotFacts)?;
        if body.len() > 16 * 1024 {
            return Err(FactsError::TooLong(
                "the text of the session facts",
                16 * 1024,
            ));
        }
        let bytes = Base64UrlUnpadded::decode_vec(body).map_err(|_| FactsError::NotFacts)?;
        let facts: Self = crate::envelope::from_cbor(&bytes).map_err(|_| FactsError::NotFacts)?;
        facts.check()?;
        Ok(facts)
    }

    /// Checks the length of every text.
    ///
    /// # Errors
    /// Names the text that is too long.
    pub fn check(&self) -> Result<(), FactsError> {
        let infobases = [Some(&self.key), self.parent.as_ref()];
        if infobases
            .into_iter()
            .flatten()
            .any(|key| key.infobase.len() > MAX_INFOBASE)
        {
            return Err(FactsError::TooLong("the infobase string", MAX_INFOBASE));
        }
        let texts = [
            ("the user name", &self.user_name),
            ("the computer name", &self.computer_name),
            ("the application name", &self.app_name),
        ];
        for (name, text) in texts {
            if text.len() > MAX_TEXT {
                return Err(FactsError::TooLong(name, MAX_TEXT));
            }
        }
        Ok(())
    }

    /// Who occupies the seat of this session when `process` works for it. Facts that a server gathered are of
    /// a session of that server, also in the client that they were passed to: a file infobase that is
    /// published on a web server counts by session, from whichever side it is seen first.
    pub fn occupant(&self, process: &ComponentFacts) -> Occupant {
        if self.gathered_on_server == Some(true) {
            Occupant::Session(self.key.identity())
        } else {
            process.occupant(&self.key)
        }
    }
}

impl ComponentFacts {
    /// Checks the length of every text.
    ///
    /// # Errors
    /// Names the text that is too long.
    pub fn check(&self) -> Result<(), FactsError> {
        let mut texts = vec![
            &self.os_version,
            &self.computer_name,
            &self.local_ip,
            &self.process,
            &self.cpu,
            &self.platform_version,
            &self.module_name,
            &self.version,
            &self.computer_id,
        ];
        if let Some(terminal) = &self.terminal {
            texts.extend([&terminal.name, &terminal.address]);
        }
        if texts.into_iter().any(|text| text.len() > MAX_TEXT) {
            return Err(FactsError::TooLong("a fact of the component", MAX_TEXT));
        }
        Ok(())
    }

    /// Who occupies the seat of a session whose facts this process gathered itself.
    pub fn occupant(&self, session: &SessionKey) -> Occupant {
        if self.is_server || !session.is_file_infobase() {
            return Occupant::Session(session.identity());
        }
        match &self.terminal {
            None => Occupant::Computer(identity(b"computer", &[&self.computer_id.to_uppercase()])),
            Some(terminal) => Occupant::Terminal(identity(
                b"terminal",
                &[
                    &self.computer_id.to_uppercase(),
                    &terminal.name.to_lowercase(),
                    &terminal.address.to_lowercase(),
                ],
            )),
        }
    }
}

impl SessionKey {
    /// The hash that names the session wherever it is seen from.
    pub fn identity(&self) -> Identity {
        identity(
            b"session",
            &[
                &normalised_infobase(&self.infobase),
                &self.number.to_string(),
                &self.started.to_string(),
            ],
        )
    }

    /// True when the infobase is a file on a disk.
    pub fn is_file_infobase(&self) -> bool {
        infobase::is_file(&self.infobase)
    }
}

fn identity(kind: &[u8], parts: &[&str]) -> Identity {
    let mut hasher = Sha256::new();
    hasher.update(b"licence-identity-v1\0");
    hasher.update(kind);
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    Identity(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_infobases_of_clients_count_by_computer_or_terminal_and_all_else_by_session() {
        let file = SessionKey {
            infobase: "File=\"C:\\Base\";".into(),
            number: 6,
            started: 1,
        };
        let cluster = SessionKey {
            infobase: "Srvr=a;Ref=b;".into(),
            ..file.clone()
        };
        let client = ComponentFacts {
            computer_id: "AA".into(),
            ..Default::default()
        };
        let server = ComponentFacts {
            is_server: true,
            ..client.clone()
        };
        let terminal = ComponentFacts {
            terminal: Some(Terminal {
                name: "PC7".into(),
                address: "10.0.0.7".into(),
                from_environment: false,
            }),
            ..client.clone()
        };
        assert!(matches!(client.occupant(&file), Occupant::Computer(_)));
        assert!(matches!(terminal.occupant(&file), Occupant::Terminal(_)));
        assert_eq!(server.occupant(&file), Occupant::Session(file.identity()));
        assert_eq!(client.occupant(&cluster), server.occupant(&cluster));
        let other = SessionKey {
            number: 7,
            ..file.clone()
        };
        assert_eq!(client.occupant(&file), client.occupant(&other));
        assert_ne!(server.occupant(&file), server.occupant(&other));
    }

    #[test]
    fn a_session_of_a_published_file_infobase_is_one_occupant_seen_from_server_and_client() {
        let server = ComponentFacts {
            is_server: true,
            computer_id: "AA".into(),
            ..Default::default()
        };
        let client = ComponentFacts {
            computer_id: "BB".into(),
            ..Default::default()
        };
        let own = SessionFacts {
            key: SessionKey {
                infobase: "File=\"/srv/base\";".into(),
                number: 6,
                started: 1,
            },
            ..Default::default()
        };
        let passed = SessionFacts::from_text(
            &SessionFacts {
                gathered_on_server: Some(true),
                ..own.clone()
            }
            .to_text(),
        )
        .unwrap();
        assert_eq!(passed.occupant(&server), passed.occupant(&client));
        assert_eq!(passed.key.identity(), own.key.identity());
        assert!(matches!(own.occupant(&client), Occupant::Computer(_)));
    }

    #[test]
    fn facts_survive_their_text_and_other_texts_are_refused() {
        let facts = SessionFacts {
            key: SessionKey {
                infobase: "Srvr=a;Ref=b;".into(),
                number: 6,
                started: -62_135_596_800,
            },
            user_name: "Иванов".into(),
            app_name: "1CV8C".into(),
            parent: Some(SessionKey::default()),
            gathered_on_server: Some(true),
            ..Default::default()
        };
        assert_eq!(SessionFacts::from_text(&facts.to_text()), Ok(facts.clone()));
        for bad in ["", "LF1.", "LF1.%%", "LF2.AAAA", &facts.to_text()[..30]] {
            assert_eq!(
                SessionFacts::from_text(bad),
                Err(FactsError::NotFacts),
                "{bad}"
            );
        }
        let long = SessionFacts {
            user_name: "я".repeat(600),
            ..facts
        };
        assert!(matches!(
            SessionFacts::from_text(&long.to_text()),
            Err(FactsError::TooLong(..))
        ));
    }
}
