//! What servers and the licence centre send each other, as files.

use std::path::Path;

use protocol::{
    centre::{MAX_ANSWER, MAX_REQUEST, Message, Reply},
    code::masked,
    envelope::FormatError,
};

use super::{Check, Report, facts};
use crate::{Error, dates, output};

pub(super) fn request_report(path: &Path) -> Result<Report, Error> {
    let bytes = output::read(path, MAX_REQUEST)?;
    let message = Message::from_bytes(&bytes).map_err(Error::format(path))?;
    let mut report = Report::new(match message {
        Message::Activation(_) => "request to activate a code",
        Message::Release(_) => "a key given back",
        Message::Update(_) => "request to renew a licence",
    });
    report.line("request", data_encoding::HEXUPPER.encode(&message.id()));
    report.line("computer", message.computer_name());
    match &message {
        Message::Activation(body) => {
            report.line("computer id", &body.request.computer_id);
            report.line("made at", dates::show(body.request.created_at));
            report.line("activation code", masked(&body.code));
            report.optional("ITN", body.itn.as_deref());
            report.optional("IEC", body.iec.as_deref());
            report.optional("series", body.series.map(|series| series.to_string()));
            report.line("facts", facts(&body.request.facts));
        }
        Message::Release(body) => {
            report.line("made at", dates::show(body.created_at));
            report.line("series", body.key_id.to_string());
            report.line("key", body.key_no.to_string());
        }
        Message::Update(body) => {
            report.line("computer id", &body.computer_id);
            report.line("made at", dates::show(body.created_at));
            report.line("series", body.key_id.to_string());
            report.line("key", body.key_no.to_string());
            report.line("facts", facts(&body.facts));
        }
    }
    report.line("signature", "right: made by the holder key");
    Ok(report)
}

pub(super) fn answer_report(path: &Path, check: &Check<'_>) -> Result<Report, Error> {
    let bytes = output::read(path, MAX_ANSWER)?;
    let answer = match Reply::from_bytes(&bytes).map_err(Error::format(path))? {
        Reply::Refusal(refusal) => {
            let mut report = Report::new("refusal of a licence centre");
            report.line("reason", format!("{} {}", refusal.reason, refusal.english));
            return Ok(report);
        }
        Reply::Answer(answer) => answer,
    };
    let (key_id, id) = answer.claims().map_err(Error::format(path))?;
    let mut report = Report::new("answer of a licence centre");
    report.line("series", key_id.to_string());
    report.line("to the request", data_encoding::HEXUPPER.encode(&id));
    let signature = match check.listed(key_id)? {
        None => "not checked; add --series FILE",
        Some((_, series)) => {
            let verified = answer.verify(&series.public_key);
            verified.map_err(|_| Error::format(path)(FormatError::Signature))?;
            "right: the vendor's"
        }
    };
    report.line("signature", signature);
    Ok(report)
}
