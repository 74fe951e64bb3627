//! Why a use case did not do its work. Every text fits one line and says what to do.

use std::{
    io,
    path::{Path, PathBuf},
};

use protocol::{
    KeyId, envelope::FormatError, licence::IssueError, locked::LockError, seal::SealError,
    signature::KeyError,
};

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An input cannot be read.
    #[error("cannot read {path}: {cause}; check the path and its rights")]
    Read {
        /// The input.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// An output cannot be written.
    #[error("cannot write {path}: {cause}; nothing was changed; check the folder and its rights")]
    Write {
        /// The output.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: {cause}")]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: FormatError,
    },
    /// A file under a passphrase does not open.
    #[error("{path}: {error}")]
    Locked {
        /// The file.
        path: PathBuf,
        /// Why.
        error: LockError,
    },
    /// A file is under a passphrase, and none was given.
    #[error("{0} is under a passphrase: put it into the variable LICENCE_PASSPHRASE")]
    PassphraseNeeded(PathBuf),
    /// A series has all content keys that a licence has room for.
    #[error(
        "the series has {0} content keys, and a licence has no room for more; make a new series"
    )]
    TooManyContentKeys(usize),
    /// An output exists.
    #[error("{0} exists already; add --yes to replace it, or choose another name")]
    Exists(PathBuf),
    /// Secrets of a series are never replaced.
    #[error(
        "{0} exists already, and the keys of a series are never replaced: without them its licences and datafiles \
         cannot be made any more; choose another series or folder"
    )]
    KeysExist(PathBuf),
    /// `licence.series` has the series with keys that are not here.
    #[error(
        "{path} lists the series {series} already; take its .cryptkey from where the series was made, or choose \
         another series"
    )]
    SeriesExists {
        /// The list.
        path: PathBuf,
        /// The series.
        series: KeyId,
    },
    /// `licence.series` would not be read with the new section.
    #[error("{path}: {cause}; correct it first")]
    SeriesFile {
        /// The list.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The product's name cannot stand in `licence.series`.
    #[error(
        "the name \"{0}\" cannot stand in licence.series; use letters and digits, with no quotes at its ends and no \
         line breaks"
    )]
    Name(String),
    /// The command names another series than the keys.
    #[error(
        "--serie={asked} does not match {path}, which holds the keys of series {found}; use the .cryptkey of {asked} \
         or --serie={found}"
    )]
    OtherSeries {
        /// The file with the keys.
        path: PathBuf,
        /// The series of the command.
        asked: KeyId,
        /// The series of the keys.
        found: KeyId,
    },
    /// The request is a computer's.
    #[error(
        "{0} is a computer's request; make the USB key's by licenceserver request FILE --blank NUMBER"
    )]
    NoCarrier(PathBuf),
    /// No USB key has such a serial number.
    #[error(
        "the serial number \"{0}\" is none: a USB key's has 1 to 32 printable ASCII characters without spaces"
    )]
    Serial(String),
    /// An output would replace an input.
    #[error(
        "{0} is an input of this command and would be replaced by its output; choose another output"
    )]
    OutputIsInput(PathBuf),
    /// There are more or fewer names than inputs.
    #[error("{names} --name for {inputs} inputs; give one for each, in their order, or none")]
    NameCount {
        /// How many names.
        names: usize,
        /// How many inputs.
        inputs: usize,
    },
    /// An input's name cannot be an object's.
    #[error("{path}: the object's name {why}; give another by --name")]
    ObjectName {
        /// The input.
        path: PathBuf,
        /// What is wrong with the name.
        why: String,
    },
    /// Too many inputs.
    #[error("{0} inputs are more than the {max} that a datafile holds; make several datafiles", max = protocol::datafile::MAX_OBJECTS)]
    TooManyInputs(usize),
    /// An input is not a text of that encoding.
    #[error(
        "{path} is not a text in {encoding}: {why}; name the right --encoding, or leave it out to pack the bytes as \
         they are"
    )]
    Text {
        /// The input.
        path: PathBuf,
        /// The encoding's name on the command line.
        encoding: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A datafile cannot be packed.
    #[error("cannot pack: {0}")]
    Pack(#[from] protocol::datafile::pack::PackError),
    /// A request that no licence can be bound to.
    #[error(
        "{0}: the request tells no facts of its computer; set a machine id on the server and make the request again"
    )]
    NoFacts(PathBuf),
    /// A demo licence has to end.
    #[error("a demo licence ends: give --period DAYS, at least 1")]
    DemoPeriod,
    /// A parameter's name is given twice.
    #[error("the parameter {0} is given twice; leave one")]
    ParameterTwice(String),
    /// Too many parameters.
    #[error("{0} parameters are more than the {max} that a licence holds", max = protocol::licence::MAX_PARAMETERS)]
    TooManyParameters(usize),
    /// A server would not read the licence.
    #[error("the licence has {0} bytes, {max} are allowed; shorten the owner's texts", max = protocol::licence::MAX_FILE)]
    LicenceTooLarge(usize),
    /// The series' keys are damaged.
    #[error("the series' signing key is damaged: {0}; take the .cryptkey from your backup")]
    SigningKey(#[from] KeyError),
    /// The licence breaks a limit.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The content keys cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Inspected bytes are no file of this system.
    #[error(
        "{0} is no file of this licensing system: neither a licence, a request, a cryptkey, a datafile, a server's \
         key nor a licence.series"
    )]
    Unknown(PathBuf),
    /// The series list for checking has another public key.
    #[error(
        "{path} lists another public key for the series {series}: these are not the keys that its servers and \
         licences go by; find the right .cryptkey"
    )]
    OtherKey {
        /// The list.
        path: PathBuf,
        /// The series.
        series: KeyId,
    },
    /// The series list for checking does not have the file's series.
    #[error(
        "{path} does not list the series {series} of the file; take the list that the vendor gave"
    )]
    NotListed {
        /// The list.
        path: PathBuf,
        /// The series.
        series: KeyId,
    },
}

impl Error {
    pub(crate) fn format(path: &Path) -> impl FnOnce(FormatError) -> Self {
        move |cause| Self::Format {
            path: path.into(),
            cause,
        }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Write {
            path: path.into(),
            cause,
        }
    }
}
