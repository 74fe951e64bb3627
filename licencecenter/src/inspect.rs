//! `inspect`: what a file of this system says, with no secret of it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use protocol::{
    KeyId, datafile,
    envelope::{FormatError, Kind},
    licence,
    request::{self, Request},
    series::{self, Series},
    signature::PublicKey,
};

use crate::{Error, dates, output};

mod exchange;
mod licence_file;
mod report;

use report::Report;

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The file.
    pub file: PathBuf,
    /// The list of series whose keys signatures are checked with.
    pub series: Option<PathBuf>,
}

/// The lines to be shown.
///
/// # Errors
/// A file that is not of this system, is cut, damaged or altered, or whose signature is not that of its
/// series in the given list.
pub fn run(inspection: &Inspection) -> Result<String, Error> {
    let path = &inspection.file;
    let known = inspection.series.as_deref().map(known_series).transpose()?;
    let check = Check {
        list: inspection.series.as_deref().zip(known.as_deref()),
    };
    let head = output::read_head(path)?;
    let report = match Kind::of(&head) {
        Some(Kind::Licence) => {
            licence_file::report(&output::read(path, licence::MAX_FILE)?, path, &check)?
        }
        Some(Kind::Request) => request_report(path)?,
        Some(Kind::CryptKey) => cryptkey_report(path, &check)?,
        Some(Kind::DataFile) => datafile_report(path, &check)?,
        Some(Kind::Activation | Kind::Release | Kind::Update) => exchange::request_report(path)?,
        Some(Kind::Answer | Kind::Refusal) => exchange::answer_report(path, &check)?,
        Some(
            kind @ (Kind::InstanceKey
            | Kind::HolderKey
            | Kind::Reserve
            | Kind::Locked
            | Kind::Backup),
        ) => secret_report(path, kind, &head)?,
        None => series_report(path)?,
    };
    Ok(report.into_text())
}

/// The series whose public keys are at hand.
struct Check<'a> {
    list: Option<(&'a Path, &'a [Series])>,
}

impl Check<'_> {
    /// The list, and the series in it that a file must be signed by; `None` without a list.
    fn listed(&self, key_id: KeyId) -> Result<Option<(&Path, &Series)>, Error> {
        let Some((path, list)) = self.list else {
            return Ok(None);
        };
        let found = list.iter().find(|series| series.key_id == key_id);
        found
            .map(|series| Some((path, series)))
            .ok_or_else(|| Error::NotListed {
                path: path.into(),
                series: key_id,
            })
    }
}

fn known_series(path: &Path) -> Result<Vec<Series>, Error> {
    Ok(series::read(&series_text(path)?).0)
}

fn series_text(path: &Path) -> Result<String, Error> {
    String::from_utf8(output::read(path, series::MAX_FILE)?)
        .map_err(|_| Error::Unknown(path.into()))
}

fn request_report(path: &Path) -> Result<Report, Error> {
    let bytes = output::read(path, request::MAX_FILE)?;
    let request = Request::from_bytes(&bytes).map_err(Error::format(path))?;
    let mut report = Report::new("licence request");
    report.line("computer", &request.computer_name);
    report.line("computer id", &request.computer_id);
    report.line("server version", &request.version);
    report.line("made at", dates::show(request.created_at));
    report.line("facts", facts(&request.facts));
    report.line("holder key", request.holder.signing.to_string());
    report.line("signature", "right: made by the holder key");
    Ok(report)
}

fn facts(facts: &[protocol::binding::FactHash]) -> String {
    let names: Vec<&str> = facts.iter().map(|fact| fact.kind.names().0).collect();
    names.join(", ")
}

fn cryptkey_report(path: &Path, check: &Check<'_>) -> Result<Report, Error> {
    let keys = output::read_keys(path)?;
    let public = keys.signing.public()?;
    let versions: Vec<String> = keys
        .content_keys
        .iter()
        .map(|key| key.version.to_string())
        .collect();
    let mut report = Report::new("secret keys of a series");
    report.line("series", keys.key_id.to_string());
    report.line("name", &keys.name);
    report.line("made at", dates::show(keys.created_at));
    report.line("public key", public.to_string());
    earlier_keys(&mut report, keys.earlier.as_deref());
    report.line(
        "content keys",
        format!("version {} (not shown)", versions.join(", ")),
    );
    if let Some((list, listed)) = check.listed(keys.key_id)? {
        if listed.public_key != public {
            return Err(Error::OtherKey {
                path: list.into(),
                series: keys.key_id,
            });
        }
        report.line("in the list", "the same public key");
    }
    Ok(report)
}

/// A line about the keys that a series had before, if it had any.
fn earlier_keys(report: &mut Report, keys: Option<&[PublicKey]>) {
    if let Some(keys) = keys {
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        report.line("earlier keys", keys.join(", "));
    }
}

fn datafile_report(path: &Path, check: &Check<'_>) -> Result<Report, Error> {
    let read_error = |cause| Error::Read {
        path: path.into(),
        cause,
    };
    let mut file = File::open(path).map_err(read_error)?;
    let signed = datafile::read_directory(&mut file, None).map_err(Error::format(path))?;
    let directory = &signed.directory;
    if let Some((_, listed)) = check.listed(directory.key_id)? {
        datafile::SignedDirectory::read_by(&signed.bytes, listed).map_err(Error::format(path))?;
    }
    let size = fs::metadata(path).map_err(read_error)?.len();
    if size < signed.file_size() {
        return Err(Error::format(path)(FormatError::Truncated));
    }
    if size > signed.file_size() {
        let cause = FormatError::Damaged(format!("{} bytes too many", size - signed.file_size()));
        return Err(Error::format(path)(cause));
    }
    let mut report = Report::new("datafile");
    report.line("series", directory.key_id.to_string());
    report.line("public key", directory.public_key.to_string());
    earlier_keys(&mut report, directory.earlier_keys.as_deref());
    report.line(
        "content key",
        format!("version {}", directory.content_key_version),
    );
    report.line("signature", signature_note(check));
    for object in &directory.objects {
        report.line(
            "object",
            format!(
                "{}, version {}, flags {:032b}, {} bytes ({} packed)",
                object.name, object.version, object.flags, object.plain_size, object.packed_size
            ),
        );
    }
    Ok(report)
}

/// What is known of the signature of a file that names its own key.
fn signature_note(check: &Check<'_>) -> &'static str {
    match check.list {
        Some(_) => "right: the vendor's",
        None => "right for the public key in it; add --series FILE to check whose that is",
    }
}

fn secret_report(path: &Path, kind: Kind, head: &[u8]) -> Result<Report, Error> {
    protocol::envelope::check_head(kind, head).map_err(Error::format(path))?;
    let mut report = Report::new(match kind {
        Kind::InstanceKey => "a server's instance key",
        Kind::Locked => "a file under a passphrase",
        Kind::Reserve => "a key that is given back, with its reserve code",
        Kind::Backup => "a server's backup, out of its passphrase",
        _ => "a licence's holder key",
    });
    report.line(
        "content",
        match kind {
            Kind::Locked => "secret keys or a backup; only the passphrase opens it",
            _ => "secret, bound to its computer; nothing of it is shown",
        },
    );
    Ok(report)
}

fn series_report(path: &Path) -> Result<Report, Error> {
    let text = series_text(path)?;
    let (list, errors) = series::read(&text);
    if list.is_empty() {
        return Err(match errors.into_iter().next() {
            Some(error) if text.contains("PublicKey") => Error::SeriesFile {
                path: path.into(),
                cause: error.to_string(),
            },
            _ => Error::Unknown(path.into()),
        });
    }
    let mut report = Report::new("list of series");
    for series in &list {
        report.line(
            "series",
            format!("{} {}, {}", series.key_id, series.name, series.public_key),
        );
    }
    for error in &errors {
        report.line("wrong", error.to_string());
    }
    Ok(report)
}
