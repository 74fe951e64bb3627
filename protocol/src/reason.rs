//! The numbers of all reasons why something was not done: the wire's and 1C's ErrorCode are the same.

use minicbor::{Decode, Encode};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// Why something was not done. 1xx settings and calls, 2xx the way to a server, 3xx licences and
        /// seats, 4xx datafiles, 9xx inside. Numbers are never given a second meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Reason {
            $($(#[$doc])* $name = $number,)*
        }

        impl Reason {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in code, for journals and tables.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

reasons! {
    /// KeyID is not four hex digits.
    BadKeyId = 101,
    /// An address or port is not one.
    BadAddress = 102,
    /// An argument has a wrong type.
    BadArgument = 103,
    /// A text or binary value is too long.
    TooLong = 104,
    /// A public key is missing: no datafile was loaded and PublicKey was not set.
    NoPublicKey = 105,
    /// PublicKey is not a key.
    BadPublicKey = 106,
    /// SetSession was not called before ObtainLicence.
    NoSession = 107,
    /// Connect was not called, or did not succeed.
    NotConnected = 108,
    /// ObtainLicence was not called, or did not succeed.
    NoLicenceObtained = 109,
    /// KeyID was neither set nor told by a datafile.
    NoKeyId = 110,
    /// The configuration file cannot be read or parsed; defaults are in use.
    BadConfFile = 111,
    /// No parameter of that name is in the licence.
    NoParameter = 112,
    /// A line of the configuration file is not `[section]` or `key=value`; defaults are in use.
    ConfSyntax = 113,
    /// The configuration file is not UTF-8; defaults are in use.
    ConfNotUtf8 = 114,
    /// The configuration file is too large; defaults are in use.
    ConfTooLarge = 115,
    /// A folder or device has the configuration file's name; defaults are in use.
    ConfNotAFile = 116,
    /// A value of the configuration file is none of its key's; that key's default is in use.
    ConfBadValue = 117,
    /// Nothing listens at the address.
    ConnectionRefused = 201,
    /// No answer in time.
    TimedOut = 202,
    /// The server's name is not known.
    NameNotFound = 203,
    /// Something else answers there: a proxy, another program, another protocol.
    NotOurServer = 204,
    /// Component and server are of different major versions.
    OldVersion = 205,
    /// The handshake failed: the messages were altered on the way.
    HandshakeFailed = 206,
    /// The server's licence is not signed by the series' vendor, or it may not speak for it.
    NotTrusted = 207,
    /// The connection broke and could not be restored.
    ConnectionLost = 208,
    /// The server refuses for now: too many requests.
    ServerBusy = 209,
    /// No address of the list could serve; the text lists each with its reason.
    NoServer = 210,
    /// The server does not know the channel: it was restarted. A new handshake helps by itself.
    UnknownChannel = 211,
    /// A request's number was used before, or is too far ahead.
    BadRequestNumber = 212,
    /// A message does not decode.
    BadMessage = 213,
    /// An answer is longer than any of a licence server's.
    AnswerTooLarge = 214,
    /// What answers does not speak HTTP.
    NotHttp = 215,
    /// The server has no key of the series.
    NoLicence = 301,
    /// All seats are taken.
    NoSeats = 302,
    /// The licence's period is over.
    Expired = 303,
    /// The licence's period has not begun.
    NotStarted = 304,
    /// An administrator disabled the key.
    Disabled = 305,
    /// No key has the flags that were asked for.
    NoFlags = 306,
    /// The key cannot be used; its OpenError says why.
    NotWorkable = 307,
    /// The access code is unknown or its limit is reached.
    AccessCode = 308,
    /// An administrator freed the seat.
    ReleasedByAdministrator = 309,
    /// The seat was lost: the connection was silent too long and no seat is free now.
    LicenceLost = 310,
    /// The parent session holds no seat.
    NoParentSeat = 311,
    /// The parent session has as many children as are allowed.
    TooManyChildren = 312,
    /// The server cannot write to its disk.
    StoreFailed = 313,
    /// The session is unknown: its seat was freed before.
    UnknownSession = 314,
    /// The datafile cannot be read.
    FileUnreadable = 401,
    /// The file is not a datafile.
    NotDataFile = 402,
    /// The datafile ends early.
    Truncated = 403,
    /// The datafile was altered or is damaged.
    Altered = 404,
    /// The datafile is of another series.
    OtherSeries = 405,
    /// No object of that name is in the datafile.
    UnknownObject = 406,
    /// LoadDataFile was not called, or did not succeed.
    NoDataFile = 407,
    /// The datafile's format is newer than the component.
    NewerFormat = 408,
    /// The object cannot be written to the file.
    CannotWrite = 409,
    /// The licence has no content key of the datafile's version.
    NoContentKey = 410,
    /// The session's key lacks the object's flags.
    ObjectFlags = 411,
    /// The directory of the datafile must be sent first.
    SendDirectory = 412,
    /// A fault inside; the log has more.
    Internal = 901,
    /// The host gave no memory.
    NoMemory = 902,
}

impl Reason {
    /// The reason of that number; one that this version does not know reads as [`Reason::Internal`].
    pub fn from_number(number: u16) -> Self {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| *reason as u16 == number)
            .unwrap_or(Self::Internal)
    }
}

impl<C> Encode<C> for Reason {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.u16(*self as u16)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Reason {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        d.u16().map(Self::from_number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_used_once_and_comes_back() {
        let mut numbers: Vec<u16> = Reason::ALL.iter().map(|reason| *reason as u16).collect();
        for reason in Reason::ALL {
            assert_eq!(Reason::from_number(*reason as u16), *reason);
        }
        numbers.dedup();
        assert_eq!(numbers.len(), Reason::ALL.len());
        assert!(numbers.is_sorted());
        assert_eq!(Reason::from_number(7), Reason::Internal);
    }
}
