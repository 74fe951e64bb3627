//! The words of the command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use protocol::{
    KeyId, UnixSeconds,
    code::ActivationCode,
    owner::{Iec, Itn},
};

use crate::{
    centre::{Lang, Offer},
    cli::{parse_flags, parse_parameter, version},
    dates::parse_day,
};

#[derive(Debug, Parser)]
#[command(
    name = "licencecenter",
    version = version(),
    about = "The vendor's licence centre: issues activation codes and turns them into licences."
)]
pub(super) struct Arguments {
    /// The centre's folder
    #[arg(
        long,
        global = true,
        value_name = "FOLDER",
        env = "LICENCECENTER_DATA",
        default_value = "/var/lib/licencecenter"
    )]
    pub(super) data: PathBuf,
    /// A file with the passphrase of the centre's keys; else the variable LICENCECENTER_PASSPHRASE
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) passphrase_file: Option<PathBuf>,
    /// The language of messages; that of the locale when not said
    #[arg(long, global = true)]
    pub(super) lang: Option<LangName>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum LangName {
    En,
    Ru,
}

impl From<LangName> for Lang {
    fn from(name: LangName) -> Self {
        match name {
            LangName::En => Self::English,
            LangName::Ru => Self::Russian,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Makes a centre
    Init {
        /// The number of the first key
        #[arg(long, value_name = "N", default_value_t = 1_000_001, value_parser = clap::value_parser!(u32).range(1..))]
        first_key_no: u32,
    },
    /// Runs the service until SIGTERM or Ctrl+C
    Serve(Serve),
    /// Series
    #[command(subcommand)]
    Series(Series),
    /// Articles: what is sold
    #[command(subcommand)]
    Article(Article),
    /// Activation codes
    #[command(subcommand)]
    Code(Code),
    /// Keys
    #[command(subcommand)]
    Key(Key),
    /// Answers a request that came as a file: an activation, or a key given back
    Answer {
        /// The server's file, or the text of its QR code in a file
        file: PathBuf,
        /// The answer to be made; FILE.answer when not said
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// What was sold and what works, by series
    Report,
    /// Who did what and when, newest first
    Journal {
        /// Of this key alone
        #[arg(long, value_name = "KEYNO")]
        key: Option<u32>,
        /// How many entries
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// Tokens of the administrator's API
    #[command(subcommand)]
    Token(Token),
    /// Writes the whole centre into one file, under the centre's passphrase
    Backup {
        /// The file
        file: PathBuf,
    },
    /// Makes a centre out of a backup
    Restore {
        /// The backup
        file: PathBuf,
    },
    /// Puts the centre's keys under another passphrase
    Passphrase {
        /// A file with the new passphrase
        #[arg(value_name = "NEW")]
        file: PathBuf,
        /// The earlier passphrase is lost: the centre's copies of all series' keys go, and are to be taken in again
        #[arg(long)]
        forgotten: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The address and port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9098")]
    pub(super) listen: SocketAddr,
    /// The certificate chain in PEM; without it a proxy in front does TLS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(super) tls_cert: Option<PathBuf>,
    /// The key of the certificate in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(super) tls_key: Option<PathBuf>,
    /// A proxy in front tells the callers' addresses in X-Forwarded-For
    #[arg(long)]
    pub(super) behind_proxy: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Series {
    /// Takes the keys of a series in, or changes its limits
    Add {
        /// The .cryptkey; one under a passphrase is opened with the variable LICENCE_PASSPHRASE
        file: PathBuf,
        /// How often a key may move to another computer in 365 days
        #[arg(long, value_name = "N", default_value_t = 3)]
        moves_per_year: u32,
        /// Asks for the owner's ITN (ИНН) at activation
        #[arg(long)]
        needs_owner: bool,
    },
    /// All series
    List,
}

#[derive(Debug, Subcommand)]
pub(super) enum Article {
    /// Adds an article, or changes what it gives from now on
    Add(Box<ArticleAdd>),
    /// All articles
    List,
}

#[derive(Debug, Args)]
pub(super) struct ArticleAdd {
    /// The series
    #[arg(long, value_name = "KEYID")]
    pub(super) serie: KeyId,
    /// The article number
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(super) article: String,
    #[command(flatten)]
    pub(super) offer: OfferArguments,
}

#[derive(Debug, Args)]
pub(super) struct OfferArguments {
    /// How many seats a key gives
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    seats: u32,
    /// What kind of right it is
    #[arg(long = "type", value_name = "TYPE", default_value = "main")]
    kind: Kind,
    /// For how many days from its first activation it works; 0 for ever
    #[arg(long, value_name = "DAYS", default_value_t = 0)]
    period: u32,
    /// Functionality flags: up to 32 binary digits, or 0x and hex digits
    #[arg(long, value_name = "BITS", default_value = "0", value_parser = parse_flags)]
    flags: u32,
    /// 0 ordinary, 1 demo server, 2 cloud subscription, 3 Fresh, 4 and up other
    #[arg(long, value_name = "N", default_value_t = 0)]
    service_type: u32,
    /// The article's name
    #[arg(long, value_name = "TEXT")]
    article_name: Option<String>,
    /// The product's name; that of the series when not said
    #[arg(long, value_name = "TEXT")]
    product_name: Option<String>,
    /// The product version's number
    #[arg(long, value_name = "N", default_value_t = 0)]
    product_version: u32,
    /// The product version's name
    #[arg(long, value_name = "TEXT")]
    product_version_name: Option<String>,
    /// For how many days from the first activation support is paid
    #[arg(long, value_name = "DAYS")]
    support: Option<u32>,
    /// The same for industry support
    #[arg(long, value_name = "DAYS")]
    industry_support: Option<u32>,
    /// A signed value of yours, read in 1C by GetParameter; may be repeated
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    parameters: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Main,
    Additional,
    Demo,
}

impl OfferArguments {
    pub(super) fn offer(&self, article: Option<&str>) -> Offer {
        Offer {
            key_type: match self.kind {
                Kind::Main => 3,
                Kind::Additional => 4,
                Kind::Demo => 5,
            },
            seats: self.seats,
            period: self.period,
            flags: self.flags,
            service_type: self.service_type,
            product_version: self.product_version,
            product_version_name: self.product_version_name.clone(),
            product_name: self.product_name.clone(),
            article: article.map(str::to_owned),
            article_name: self.article_name.clone(),
            support_period: self.support,
            industry_support_period: self.industry_support,
            parameters: self.parameters.iter().cloned().collect(),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Code {
    /// Issues codes, each for a key of its own; they are shown this once
    Issue(Box<Issue>),
    /// Lists codes; the codes themselves are not kept
    List {
        /// Of this series
        #[arg(long, value_name = "KEYID")]
        serie: Option<KeyId>,
        /// Of this order
        #[arg(long, value_name = "TEXT")]
        order: Option<String>,
        /// Of this key
        #[arg(long, value_name = "KEYNO")]
        key: Option<u32>,
        /// This very code
        #[arg(long, value_name = "CODE", value_parser = ActivationCode::parse)]
        code: Option<ActivationCode>,
    },
    /// Takes a code and its key back
    Revoke {
        /// The code
        #[arg(value_parser = ActivationCode::parse)]
        code: ActivationCode,
    },
}

#[derive(Debug, Args)]
pub(super) struct Issue {
    /// The series
    #[arg(long, value_name = "KEYID")]
    pub(super) serie: KeyId,
    /// How many codes
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) count: u32,
    /// The article; what it gives is kept with each key
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["seats", "kind", "period", "flags", "service_type",
        "article_name", "product_name", "product_version", "product_version_name", "support", "industry_support",
        "parameters"])]
    pub(super) article: Option<String>,
    #[command(flatten)]
    pub(super) offer: OfferArguments,
    /// Your order
    #[arg(long, value_name = "TEXT")]
    pub(super) order: Option<String>,
    /// The customer
    #[arg(long, value_name = "TEXT")]
    pub(super) customer: Option<String>,
    /// The owner's ITN (ИНН): nobody else activates the codes
    #[arg(long)]
    pub(super) itn: Option<Itn>,
    /// The owner's IEC (КПП)
    #[arg(long)]
    pub(super) iec: Option<Iec>,
    /// The last day on which the codes can be activated first
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_day)]
    pub(super) until: Option<UnixSeconds>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Changes a key; its server gets that with the next renewal
    Change(Change),
    /// Takes a key and its codes back
    Revoke {
        /// The key
        key_no: u32,
    },
}

#[derive(Debug, Args)]
pub(super) struct Change {
    /// The key
    pub(super) key_no: u32,
    /// For how many days from its first activation it works; 0 for ever
    #[arg(long, value_name = "DAYS")]
    pub(super) period: Option<u32>,
    /// How many seats it gives
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) seats: Option<u32>,
    /// The day until which support is paid
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_day)]
    pub(super) support_until: Option<UnixSeconds>,
    /// The same for industry support
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_day)]
    pub(super) industry_support_until: Option<UnixSeconds>,
    /// How often it may move to another computer in 365 days
    #[arg(long, value_name = "N")]
    pub(super) moves_per_year: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Makes a token; it is shown this once
    Add {
        /// Who uses it, for the journal
        #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
        name: String,
    },
    /// The names of all tokens
    List,
    /// Ends a token
    Revoke {
        /// Its name
        name: String,
    },
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_has_no_contradiction() {
        <super::Arguments as clap::CommandFactory>::command().debug_assert();
    }
}
