//! What is believed of a server, and what its refusals are called in front of the user.

use protocol::{
    KeyId, Reason, UnixSeconds, Version,
    delegation::CLOCK_TOLERANCE,
    licence::{Credential, CredentialError, PeriodError, Voucher},
    series::SeriesKeys,
    version::Older,
    wire::{
        frame::{Frame, FrameError, MAGIC, Refusal},
        handshake::HandshakeError,
        message::Denied,
    },
};

use super::http::HttpError;
use crate::{
    moment,
    table::CallError,
    texts::{self, error_with},
};

/// The chain from the series' key to this server, at this computer's time.
pub(super) fn verify(
    credential: &Credential,
    series: &SeriesKeys,
    key_id: KeyId,
    server: &[u8; 32],
) -> Result<Voucher, CallError> {
    credential
        .verify(series, key_id, server, now())
        .map_err(|error| {
            log::warn!("a licence was not believed: {error}");
            match error {
                CredentialError::Period(PeriodError::Expired(end)) => dated(Reason::Expired, end),
                CredentialError::Period(PeriodError::NotStarted(start)) => {
                    dated(Reason::NotStarted, start)
                }
                other => {
                    let why = other.to_string();
                    error_with(Reason::NotTrusted, &format!("({why})"), &format!("({why})"))
                }
            }
        })
}

/// A server that was not believed while the two clocks are far apart: what helps is setting one of them.
pub(super) fn clock_error(error: CallError, server_clock: UnixSeconds) -> CallError {
    let apart = now().abs_diff(server_clock);
    let by_clock = matches!(
        error.reason(),
        Reason::NotTrusted | Reason::Expired | Reason::NotStarted
    );
    if !by_clock || apart <= CLOCK_TOLERANCE.unsigned_abs() {
        return error;
    }
    let hours = apart / 3600;
    error_with(
        error.reason(),
        &format!(
            "(the clocks of this computer and of the server are {hours} hours apart; set them right)"
        ),
        &format!(
            "(часы этого компьютера и сервера расходятся на {hours} ч; установите верное время)"
        ),
    )
}

fn dated(reason: Reason, at: UnixSeconds) -> CallError {
    let date = jiff::Timestamp::from_second(at)
        .map(moment::minute)
        .unwrap_or_default();
    error_with(reason, &format!("({date})"), &format!("({date})"))
}

/// This computer's time.
pub(super) fn now() -> UnixSeconds {
    jiff::Timestamp::now().as_second()
}

/// Whether a server of this version is ours to talk to.
pub(super) fn check_version(text: &str) -> Result<(), CallError> {
    let own = Version::CURRENT;
    let Ok(version) = text.parse::<Version>() else {
        return Err(texts::error(Reason::BadMessage));
    };
    own.works_with(version).map_err(|older| {
        let (en, ru) = match older {
            Older::This => ("the component is the older one", "старее компонента"),
            Older::Other => ("the server is the older one", "старее сервер"),
        };
        error_with(
            Reason::OldVersion,
            &format!("(component {own}, server {version}: {en})"),
            &format!("(компонента {own}, сервер {version}: {ru})"),
        )
    })
}

/// Reads a frame; what is none of this generation says which side is older.
pub(super) fn read_frame(bytes: &[u8]) -> Result<Frame, CallError> {
    Frame::from_bytes(bytes).map_err(|error| match error {
        // Ours by the first letters, of another generation by the digit.
        FrameError::NotOurs => {
            let older = bytes.get(3).is_some_and(|digit| *digit > MAGIC[3]);
            let (en, ru) = if older {
                ("(the component is the older one)", "(старее компонента)")
            } else {
                ("(the server is the older one)", "(старее сервер)")
            };
            error_with(Reason::OldVersion, en, ru)
        }
        FrameError::Damaged(error) => {
            log::warn!("a damaged frame: {error}");
            texts::error(Reason::BadMessage)
        }
    })
}

/// A failed handshake as an error of a call.
pub(super) fn handshake_error(error: &HandshakeError) -> CallError {
    log::warn!("{error}");
    texts::error(match error {
        HandshakeError::Noise(_) => Reason::HandshakeFailed,
        HandshakeError::Payload(_) | HandshakeError::Unexpected => Reason::BadMessage,
    })
}

/// A failed way as an error of a call.
pub(super) fn way_error(error: &HttpError) -> CallError {
    log::info!("{}: {}", error.reason.name(), error.detail);
    texts::error(error.reason)
}

/// A refusal with the server's own words, which may say more than ours.
pub(super) fn refused(refusal: &Refusal) -> CallError {
    let own = texts::reason(refusal.reason);
    let text = |said: &str, own: &str| {
        let said = texts::one_line(said.trim(), 1000);
        if said.is_empty() {
            own.to_owned()
        } else {
            said
        }
    };
    CallError::new(
        refusal.reason,
        text(&refusal.english, own.en),
        text(&refusal.russian, own.ru),
    )
}

/// A denial as a sentence: the reason, its detail, how many seats there are and who holds them.
pub(super) fn denied_error(denied: &Denied) -> CallError {
    let words = texts::reason(denied.reason);
    let (mut en, mut ru) = (words.en.to_owned(), words.ru.to_owned());
    if let Some(detail) = &denied.detail {
        let detail = texts::one_line(detail, 300);
        en += &format!(" ({detail})");
        ru += &format!(" ({detail})");
    }
    if denied.total > 0 {
        en += &format!(" In use: {} of {}.", denied.used, denied.total);
        ru += &format!(" Занято: {} из {}.", denied.used, denied.total);
    }
    for holder in &denied.holders {
        let text = |text: &str| texts::one_line(text, 60);
        let who = format!(
            "\n{}, {}, {}, № {}",
            text(&holder.user_name),
            text(&holder.computer_name),
            text(&holder.app_name),
            holder.session_number,
        );
        let since = jiff::Timestamp::from_second(holder.since)
            .map(moment::minute)
            .unwrap_or_default();
        en += &format!("{who}, since {since}");
        ru += &format!("{who}, с {since}");
    }
    CallError::new(denied.reason, en, ru)
}

/// Whether the way to a server is at fault, and not its answer.
pub(super) fn is_way(error: &CallError) -> bool {
    matches!(
        error.reason(),
        Reason::ConnectionRefused
            | Reason::TimedOut
            | Reason::NameNotFound
            | Reason::NotOurServer
            | Reason::NotHttp
            | Reason::AnswerTooLarge
            | Reason::ConnectionLost
            | Reason::UnknownChannel
    )
}

/// Whether a denial says that there is no seat for the session, and not that the server is in trouble.
pub(super) const fn is_refusal(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NoLicence
            | Reason::NoSeats
            | Reason::Expired
            | Reason::NotStarted
            | Reason::Disabled
            | Reason::NoFlags
            | Reason::NotWorkable
            | Reason::AccessCode
            | Reason::NoParentSeat
            | Reason::TooManyChildren
    )
}

#[cfg(test)]
mod tests {
    use protocol::wire::message::SeatHolder;

    use super::*;

    #[test]
    fn a_denial_names_the_numbers_and_the_holders() {
        let denied = Denied {
            reason: Reason::NoSeats,
            total: 3,
            used: 3,
            holders: vec![SeatHolder {
                user_name: "Иванов\n".into(),
                computer_name: "PC7".into(),
                app_name: "1CV8C".into(),
                session_number: 6,
                since: 0,
            }],
            detail: None,
        };
        let error = denied_error(&denied);
        assert_eq!(error.reason(), Reason::NoSeats);
        assert!(error.en.contains("3 of 3") && error.ru.contains("3 из 3"));
        assert!(
            error.ru.contains("Иванов , PC7, 1CV8C, № 6, с 1970-01-01"),
            "{}",
            error.ru
        );
    }
}
