//! What is written into the journal: the administrator's answer to who, when and why.

use minicbor::{Decode, Encode};
use protocol::Reason;

use super::{Cause, ConnectionId, Denial, Key, Session, SessionId, Text, Unusable};

/// How many holders a denial's line names.
const MAX_NAMED: usize = 5;
/// The longest free text of an event, in bytes of UTF-8.
pub const MAX_DATA: usize = 1024;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// What happened. The numbers are those of the store and are never given a second meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum EventKind {
            $($(#[$doc])* $name = $number,)*
        }

        impl EventKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in the REST API.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

kinds! {
    /// A session got a seat.
    Granted = 1,
    /// A session got no seat; the reason says why.
    Denied = 2,
    /// The last process left a session, and it lingers.
    Detached = 3,
    /// A lingering session was taken over by a process.
    Returned = 4,
    /// A session ended; the reason says why.
    Released = 5,
    /// A seat moved to another key, because its own went away or was needed by a session with more flags.
    Moved = 6,
    /// A component connected.
    Connected = 10,
    /// A connection ended; the reason says why.
    Disconnected = 11,
    /// A session is attached to processes on more computers than one person uses.
    ManyComputers = 12,
    /// A key came.
    KeyAdded = 20,
    /// A key went.
    KeyRemoved = 21,
    /// A key gives seats from now on.
    KeyUsable = 22,
    /// A key gives no seats from now on; the reason says why.
    KeyUnusable = 23,
    /// An administrator switched a key on.
    KeyOn = 24,
    /// An administrator switched a key off.
    KeyOff = 25,
    /// A licence was installed.
    LicenceInstalled = 26,
    /// An activation code was shown whole.
    CodeShown = 27,
    /// A key is given back to the vendor.
    KeyGivenBack = 28,
    /// Somebody signed in.
    SignedIn = 30,
    /// A sign-in was refused.
    SignInRefused = 31,
    /// Settings were changed.
    SettingsChanged = 32,
    /// The server started.
    Started = 40,
    /// The server stopped.
    Stopped = 41,
    /// The computer's clock was set back.
    ClockSetBack = 42,
    /// The computer's clock is right again.
    ClockRight = 43,
    /// What was kept of the time was altered or is gone; the reason says which.
    ClockForgotten = 44,
    /// A carrier was connected.
    CarrierCame = 50,
    /// A carrier was pulled out, or proved nothing any more.
    CarrierWent = 51,
}

impl EventKind {
    /// The kind with that number.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| *kind as u16 == number)
    }

    /// The kind with that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let same = |kind: &Self| kind.name().eq_ignore_ascii_case(name);
        Self::ALL.iter().copied().find(same)
    }
}

/// One line of the journal, without its time: that is the moment at which it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The key that it is about.
    pub key_no: Option<u32>,
    /// The session that it is about.
    pub session: Option<SessionId>,
    /// The connection that it is about.
    pub connection: Option<ConnectionId>,
    /// Who: the infobase user, or the administrator's account.
    pub user_name: Text,
    /// Where: the user's computer, or the administrator's address.
    pub computer_name: Text,
    /// With what: the 1C application.
    pub app_name: Text,
    /// Why: a short name, empty where nothing needs a reason.
    pub reason: Text,
    /// Whatever else helps, as `name=value` words.
    pub data: Text,
}

impl Event {
    /// An event that is about nobody yet.
    pub fn new(kind: EventKind) -> Self {
        Self {
            kind,
            key_no: None,
            session: None,
            connection: None,
            user_name: Text::default(),
            computer_name: Text::default(),
            app_name: Text::default(),
            reason: Text::default(),
            data: Text::default(),
        }
    }

    /// An event about a session.
    pub fn of_session(kind: EventKind, session: &Session) -> Self {
        Self {
            key_no: Some(session.key_no),
            session: Some(session.id),
            connection: session.attached.first().copied(),
            user_name: session.user_name.clone(),
            computer_name: session.computer_name.clone(),
            app_name: session.app_name.clone(),
            ..Self::new(kind)
        }
    }

    /// The same event with a reason.
    #[must_use]
    pub fn because(self, reason: &str) -> Self {
        Self {
            reason: reason.into(),
            ..self
        }
    }

    /// The same event as something that an administrator did.
    #[must_use]
    pub fn by(self, admin: &Admin) -> Self {
        self.saying(&admin.words())
    }

    /// The same event with a free text, cut to [`MAX_DATA`].
    #[must_use]
    pub fn saying(self, data: &str) -> Self {
        let mut end = data.len().min(MAX_DATA);
        while !data.is_char_boundary(end) {
            end -= 1;
        }
        Self {
            data: data[..end].into(),
            ..self
        }
    }
}

/// Who, of the administrators, did something, and what for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Admin {
    /// The account.
    #[n(0)]
    pub user_name: Text,
    /// From which address.
    #[n(1)]
    pub address: Text,
    /// The word for the user, empty for none.
    #[n(2)]
    pub word: Text,
}

impl Admin {
    /// What an event says of them.
    pub(super) fn words(&self) -> String {
        let mut words = format!("by={} from={}", self.user_name.trim(), self.address.trim());
        if !self.word.is_empty() {
            words.push_str(" word=");
            words.push_str(&self.word);
        }
        words
    }
}

impl Unusable {
    /// The reason's number for a key that gives no seats.
    pub fn reason(self) -> Reason {
        match self {
            Self::NotStarted(_) => Reason::NotStarted,
            Self::Expired(_) => Reason::Expired,
            Self::Disabled => Reason::Disabled,
            Self::NotWorkable | Self::NoMainKey | Self::BesideOther => Reason::NotWorkable,
        }
    }
}

impl Cause {
    /// Its short name in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Released => "Released",
            Self::Expired => "Silent",
            Self::LingerEnded => "LingerEnded",
            Self::Administrator => "Administrator",
            Self::KeyGone => "KeyGone",
            Self::ParentEnded => "ParentEnded",
        }
    }

    /// The reason's number for a session that ended.
    pub fn reason(self) -> Reason {
        match self {
            Self::Administrator => Reason::ReleasedByAdministrator,
            Self::Released => Reason::UnknownSession,
            Self::ParentEnded => Reason::NoParentSeat,
            Self::Expired | Self::LingerEnded | Self::KeyGone => Reason::LicenceLost,
        }
    }
}

impl Denial {
    /// The reason's number.
    pub fn reason(&self) -> Reason {
        match self {
            Self::NoLicence => Reason::NoLicence,
            Self::NotUsable(keys) => keys
                .first()
                .map_or(Reason::NotWorkable, |(_, unusable)| unusable.reason()),
            Self::NoFlags { .. } => Reason::NoFlags,
            Self::NoSeats { .. } => Reason::NoSeats,
            Self::UnknownCode | Self::CodeLimit(_) => Reason::AccessCode,
            Self::TooManyConnections | Self::TooManySessions => Reason::ServerBusy,
        }
    }

    /// What an event says of it: which keys, how many seats, who holds them.
    pub(super) fn words(&self) -> String {
        match self {
            Self::NoLicence => String::new(),
            Self::NotUsable(keys) => {
                let keys: Vec<String> = keys
                    .iter()
                    .map(|(key_no, unusable)| format!("{key_no}:{}", unusable.reason().name()))
                    .collect();
                format!("keys={}", keys.join(","))
            }
            Self::NoFlags { asked } => format!("flags={asked:032b}"),
            Self::NoSeats {
                total,
                reserved,
                holders,
            } => {
                let names: Vec<String> = holders
                    .iter()
                    .take(MAX_NAMED)
                    .map(|holder| format!("{}@{}", &*holder.user_name, &*holder.computer_name))
                    .collect();
                let waiting = if *reserved > 0 {
                    format!(" reserved={reserved}")
                } else {
                    String::new()
                };
                format!("seats={total}{waiting} holders={}", names.join(","))
            }
            Self::UnknownCode => "code=unknown".into(),
            Self::CodeLimit(limit) => format!("code limit={limit}"),
            Self::TooManyConnections => "limit=connections".into(),
            Self::TooManySessions => "limit=sessions".into(),
        }
    }
}

/// What an event says of a key.
pub(super) fn key_words(key: &Key) -> String {
    format!(
        "type={} seats={} flags={:032b}",
        key.key_type.number(),
        key.seats,
        key.flags
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_found_by_number_and_by_name() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_number(*kind as u16), Some(*kind));
            assert_eq!(
                EventKind::from_name(&kind.name().to_lowercase()),
                Some(*kind)
            );
        }
        assert_eq!(EventKind::from_number(9999), None);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let event = Event::new(EventKind::Started).saying(&"я".repeat(MAX_DATA));
        assert_eq!(event.data.len(), MAX_DATA);
        let event = Event::new(EventKind::Started).saying(&format!("x{}", "я".repeat(MAX_DATA)));
        assert_eq!(event.data.len(), MAX_DATA - 1);
    }
}
