//! The command line of `licenceedit`: its words, and the use case that each of them starts.

use std::{ffi::OsString, path::PathBuf, sync::LazyLock};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, error::ErrorKind};
use protocol::{
    KeyId, UnixSeconds, Version,
    keyid::Folded,
    licence::KeyType,
    owner::{Iec, Itn, OwnerError},
    signature::Algorithm,
};

use crate::{
    certify::{self, Certifying},
    dates,
    inspect::{self, Inspection},
    issue::{self, Issuing, Terms},
    pack::{self, Packing},
    series_change,
    series_new::{self, NewSeries},
    text::TextEncoding,
};

/// What there is to say after success.
#[derive(Debug, Default)]
pub struct Done {
    /// For standard output.
    pub text: String,
    /// For the person, beside it.
    pub notes: Vec<String>,
}

/// Runs one command line; its first word is the program's name.
///
/// # Errors
/// The one line that says what is wrong.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<Done, String> {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            ) =>
        {
            return Ok(Done {
                text: error.to_string(),
                notes: Vec::new(),
            });
        }
        Err(error) => return Err(one_line(&error, "licenceedit")),
    };
    let mut notes = Vec::new();
    let text = match cli.command {
        Command::Series(Series::New(arguments)) => {
            series_new::run(&arguments.into_case(&mut notes))
        }
        Command::Series(Series::Rotate(wanted)) => {
            series_change::rotate(&wanted.file, wanted.algorithm.into())
        }
        Command::Series(Series::Forget { file }) => series_change::forget(&file),
        Command::Series(Series::ContentKey { file }) => series_change::add_content_key(&file),
        Command::Series(Series::Protect {
            file,
            passphrase_file,
        }) => series_change::protect(&file, &passphrase_file),
        Command::Series(Series::Unprotect { file }) => series_change::unprotect(&file),
        Command::Pack(arguments) => pack::run(&arguments.into_case(&mut notes)),
        Command::Licence(Licence::Issue(arguments)) => issue::run(&arguments.into_case()),
        Command::Carrier(Carrier::Certify(wanted)) => certify::run(&Certifying {
            request: wanted.request,
            serial: wanted.serial,
            maker: wanted.maker,
            out: wanted.out,
            replace: wanted.replace,
        }),
        Command::Completion { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "licenceedit", &mut text);
            Ok(String::from_utf8_lossy(&text).into_owned())
        }
        Command::Inspect(arguments) => inspect::run(&Inspection {
            file: arguments.file,
            series: arguments.series,
        }),
    };
    text.map(|text| Done { text, notes })
        .map_err(|error| error.to_string())
}

/// What clap says on several lines, without the usage, on one.
pub(crate) fn one_line(error: &clap::Error, program: &str) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return format!("no command; see {program} --help");
    }
    let text = error.to_string();
    let lines: Vec<&str> = text
        .lines()
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let line = lines.join(" ");
    format!(
        "{}; see --help",
        line.strip_prefix("error: ").unwrap_or(&line)
    )
}

#[derive(Debug, Parser)]
#[command(
    name = "licenceedit",
    version = version(),
    about = "Makes series, packs datafiles, issues licences, shows what files say."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The keys of a protected product
    #[command(subcommand)]
    Series(Series),
    /// Packs files into a datafile
    #[command(name = "c")]
    Pack(PackArguments),
    /// Licences
    #[command(subcommand)]
    Licence(Licence),
    /// USB keys that hold licences
    #[command(subcommand)]
    Carrier(Carrier),
    /// Shows what a file says, without its secrets
    Inspect(InspectArguments),
    /// Prints the completion of this program's commands, for a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
enum Series {
    /// Makes the keys of a new series: KEYID.cryptkey, and its public half in licence.series
    New(SeriesNewArguments),
    /// Gives a series a new signing key: licences of the earlier one stay good, new ones need the new licence.series and datafile
    Rotate(Rotate),
    /// Takes the earlier signing keys out of the .cryptkey and of licence.series: what they signed is refused then
    Forget {
        /// The series' .cryptkey
        file: PathBuf,
    },
    /// Adds a content key: what is packed from now on opens with licences that are issued or renewed from now on
    ContentKey {
        /// The series' .cryptkey
        file: PathBuf,
    },
    /// Puts a .cryptkey under a passphrase, or under another one; LICENCE_PASSPHRASE has the one that it is under
    Protect {
        /// The series' .cryptkey
        file: PathBuf,
        /// The file with the new passphrase
        #[arg(long, value_name = "FILE")]
        passphrase_file: PathBuf,
    },
    /// Takes a .cryptkey out of its passphrase, which LICENCE_PASSPHRASE has
    Unprotect {
        /// The series' .cryptkey
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum Carrier {
    /// Certifies that a USB key made its holder key inside: the maker puts the certificate on the key, and servers whose UsbMaker names him
    /// take no other one
    Certify(Certify),
}

#[derive(Debug, Args)]
struct Certify {
    /// The USB key's request, of licenceserver request FILE --blank NUMBER
    request: PathBuf,
    /// The serial number of its USB descriptor
    #[arg(long)]
    serial: String,
    /// The .cryptkey that has the maker's signing key
    #[arg(long, value_name = "FILE")]
    maker: PathBuf,
    /// The certificate
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replaces a file of that name
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, Args)]
struct Rotate {
    /// The series' .cryptkey
    file: PathBuf,
    /// How the series signs from now on
    #[arg(long, default_value = "ed25519")]
    algorithm: AlgorithmName,
}

#[derive(Debug, Args)]
struct SeriesNewArguments {
    /// The series: four hex digits
    #[arg(value_name = "KEYID", value_parser = KeyId::parse_folding)]
    key_id: Folded,
    /// The product's name
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: String,
    /// The folder of the two files
    #[arg(long)]
    dir: PathBuf,
    /// How the series signs
    #[arg(long, default_value = "ed25519")]
    algorithm: AlgorithmName,
}

impl SeriesNewArguments {
    fn into_case(self, notes: &mut Vec<String>) -> NewSeries {
        NewSeries {
            key_id: folded(self.key_id, notes),
            name: self.name.trim().to_owned(),
            dir: self.dir,
            algorithm: self.algorithm.into(),
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AlgorithmName {
    Ed25519,
    P256,
}

impl From<AlgorithmName> for Algorithm {
    fn from(name: AlgorithmName) -> Self {
        match name {
            AlgorithmName::Ed25519 => Self::Ed25519,
            AlgorithmName::P256 => Self::EcdsaP256,
        }
    }
}

#[derive(Debug, Args)]
struct PackArguments {
    /// The datafile to be made
    out: PathBuf,
    /// The files that become its objects
    #[arg(required = true, value_name = "IN")]
    inputs: Vec<PathBuf>,
    /// The secret keys of the series
    #[arg(long, value_name = "FILE")]
    cryptkey: PathBuf,
    /// The series, which must be that of the keys
    #[arg(long, value_name = "KEYID", value_parser = KeyId::parse_folding)]
    serie: Folded,
    /// Replaces an existing datafile
    #[arg(long)]
    yes: bool,
    /// The inputs are texts in ansi (windows-1251), utf8 or utf16, and 1C gets UTF-8; without it bytes stay as they are
    #[arg(long, value_name = "ENCODING", value_parser = TextEncoding::parse)]
    encoding: Option<TextEncoding>,
    /// An object's name, once for each input in their order; else the file's name without extension
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// Flags that a licence must have to open the objects: up to 32 binary digits, or 0x and hex digits
    #[arg(long, value_name = "BITS", default_value = "0", value_parser = parse_flags)]
    flags: u32,
    /// Your version number of the objects
    #[arg(long, value_name = "N", default_value_t = 0)]
    version: u32,
}

impl PackArguments {
    fn into_case(self, notes: &mut Vec<String>) -> Packing {
        Packing {
            out: self.out,
            inputs: self.inputs,
            cryptkey: self.cryptkey,
            series: folded(self.serie, notes),
            replace: self.yes,
            encoding: self.encoding,
            names: self.names,
            flags: self.flags,
            version: self.version,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Licence {
    /// Issues a licence for the computer that made a request
    Issue(Box<IssueArguments>),
}

#[derive(Debug, Args)]
struct IssueArguments {
    /// The computer's request
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// The secret keys of the series
    #[arg(long, value_name = "FILE")]
    cryptkey: PathBuf,
    /// The key's number, unique within your keys
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    key_no: u32,
    /// What kind of right it is
    #[arg(long = "type", value_name = "TYPE")]
    key_type: TypeName,
    /// How many seats it gives
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// For how many days it works; 0 for ever, which a demo cannot have
    #[arg(long, value_name = "DAYS", default_value_t = 0)]
    period: u32,
    /// The day from whose midnight (UTC) it works; from its issue when not said
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = dates::parse_day)]
    start: Option<UnixSeconds>,
    /// Functionality flags: up to 32 binary digits, or 0x and hex digits
    #[arg(long, value_name = "BITS", default_value = "0", value_parser = parse_flags)]
    flags: u32,
    /// A signed value of yours, read in 1C by GetParameter; may be repeated
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    parameters: Vec<(String, String)>,
    /// The product version's number
    #[arg(long, value_name = "N", default_value_t = 0)]
    product_version: u32,
    /// 0 ordinary, 1 demo server, 2 cloud subscription, 3 Fresh, 4 and up other
    #[arg(long, value_name = "N", default_value_t = 0)]
    service_type: u32,
    /// Your registration number
    #[arg(long, value_name = "N")]
    reg_no: Option<u32>,
    /// The owner's ITN (ИНН)
    #[arg(long, value_parser = parse_itn)]
    itn: Option<String>,
    /// The owner's IEC (КПП)
    #[arg(long, value_parser = parse_iec)]
    iec: Option<String>,
    /// The product's name; that of the series when not said
    #[arg(long, value_name = "TEXT")]
    product_name: Option<String>,
    /// The product version's name
    #[arg(long, value_name = "TEXT")]
    product_version_name: Option<String>,
    /// The article number
    #[arg(long, value_name = "TEXT")]
    article: Option<String>,
    /// The article's name
    #[arg(long, value_name = "TEXT")]
    article_name: Option<String>,
    /// The licence to be made; KEYID.KEYNO.licence in the current folder when not said
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replaces an existing licence
    #[arg(long)]
    yes: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TypeName {
    Main,
    Additional,
    Demo,
}

impl IssueArguments {
    fn into_case(self) -> Issuing {
        Issuing {
            request: self.request,
            cryptkey: self.cryptkey,
            out: self.out,
            replace: self.yes,
            terms: Terms {
                key_no: self.key_no,
                key_type: match self.key_type {
                    TypeName::Main => KeyType::Main,
                    TypeName::Additional => KeyType::Additional,
                    TypeName::Demo => KeyType::Demo,
                },
                count: self.count,
                period_days: self.period,
                start: self.start,
                flags: self.flags,
                parameters: self.parameters,
                product_version: self.product_version,
                service_type: self.service_type,
                reg_no: self.reg_no,
                itn: self.itn,
                iec: self.iec,
                product_name: self.product_name,
                product_version_name: self.product_version_name,
                article: self.article,
                article_name: self.article_name,
            },
        }
    }
}

#[derive(Debug, Args)]
struct InspectArguments {
    /// A licence, request, cryptkey, datafile, server's key or licence.series
    file: PathBuf,
    /// A licence.series whose public keys signatures are checked with
    #[arg(long, value_name = "FILE")]
    series: Option<PathBuf>,
}

/// All four numbers.
pub(crate) fn version() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| Version::CURRENT.to_string());
    &TEXT
}

/// The id, with a note when Cyrillic letters were read as Latin ones.
fn folded(read: Folded, notes: &mut Vec<String>) -> KeyId {
    if read.had_cyrillic {
        notes.push(format!(
            "Cyrillic letters in the series were read as Latin ones: {}",
            read.id
        ));
    }
    read.id
}

/// Flags as the REST API shows them, up to 32 binary digits with flag 0 at the end, or `0x` and hex digits.
pub(crate) fn parse_flags(text: &str) -> Result<u32, String> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text, 2),
    };
    let digits_only = !digits.is_empty() && digits.chars().all(|letter| letter.is_digit(radix));
    digits_only
        .then(|| u32::from_str_radix(digits, radix).ok())
        .flatten()
        .ok_or_else(|| {
            "flags are up to 32 binary digits, as 101, or 0x and up to 8 hex digits, as 0x5"
                .to_owned()
        })
}

fn parse_itn(text: &str) -> Result<String, OwnerError> {
    text.parse().map(|itn: Itn| itn.to_string())
}

fn parse_iec(text: &str) -> Result<String, OwnerError> {
    text.parse().map(|iec: Iec| iec.to_string())
}

pub(crate) fn parse_parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.to_owned()))
        }
        _ => Err("a parameter looks like NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_binary_digits_or_hex_and_nothing_else() {
        assert_eq!(parse_flags("101"), Ok(5));
        assert_eq!(parse_flags(&"1".repeat(32)), Ok(u32::MAX));
        assert_eq!(parse_flags("0xA0"), Ok(0xA0));
        for bad in ["", "0x", "5", "+1", "0x123456789", &"1".repeat(33)] {
            assert!(parse_flags(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_command_line_has_no_contradiction() {
        <Cli as CommandFactory>::command().debug_assert();
    }
}
