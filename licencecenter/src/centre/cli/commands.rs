//! What each command does.

use std::path::Path;

use protocol::{
    centre::MAX_REQUEST,
    files::{Access, write_whole},
    licence::DAY,
};

use super::{
    arguments::{Arguments, Article, Code, Command, Issue, Key, Series, Token},
    passphrase_of, serve, show,
};
use crate::{
    centre::{
        Centre, CentreError, Lang, backup,
        codes::{Change, Filter, Sale},
        series::{Policy, read_cryptkey},
    },
    dates, output,
};

/// The journal's name for the command line.
const WHO: &str = "cli";

pub(super) fn run(arguments: &Arguments, lang: Lang) -> Result<String, CentreError> {
    let now = dates::now();
    match &arguments.command {
        Command::Init { first_key_no } => {
            Centre::make(&arguments.data, &arguments.passphrase()?, *first_key_no)?;
            Ok(show::made(&arguments.data, lang))
        }
        Command::Serve(how) => serve::run(arguments.unlocked()?, how, lang),
        Command::Series(Series::Add {
            file,
            moves_per_year,
            needs_owner,
        }) => {
            let passphrase = std::env::var("LICENCE_PASSPHRASE").ok();
            let keys = read_cryptkey(file, passphrase.as_deref())?;
            let policy = Policy {
                moves_per_year: *moves_per_year,
                needs_owner: *needs_owner,
            };
            arguments.unlocked()?.add_series(&keys, policy, WHO, now)?;
            Ok(show::series_added(&keys, policy, lang))
        }
        Command::Series(Series::List) => Ok(show::series(&arguments.centre()?.series()?)),
        Command::Article(Article::Add(add)) => {
            let offer = add.offer.offer(Some(&add.article));
            let mut centre = arguments.centre()?;
            centre.add_article(add.serie, &add.article, &offer, WHO, now)?;
            Ok(show::article(add.serie, &add.article, &offer, lang))
        }
        Command::Article(Article::List) => {
            let articles = arguments.centre()?.articles()?;
            Ok(articles
                .iter()
                .map(|(series, article, offer)| show::article(*series, article, offer, lang))
                .collect())
        }
        Command::Code(Code::Issue(issue)) => issue_codes(arguments, issue, lang),
        Command::Code(Code::List {
            serie,
            order,
            key,
            code,
        }) => {
            let filter = Filter {
                series: *serie,
                order: order.clone(),
                key_no: *key,
                code: code.clone(),
            };
            Ok(show::codes(&arguments.centre()?.codes(&filter, now)?))
        }
        Command::Code(Code::Revoke { code }) => {
            let key_no = arguments.centre()?.revoke_code(code, WHO, now)?;
            Ok(show::revoked(key_no, lang))
        }
        Command::Key(Key::Revoke { key_no }) => {
            arguments.centre()?.revoke_key(*key_no, WHO, now)?;
            Ok(show::revoked(*key_no, lang))
        }
        Command::Key(Key::Change(change)) => {
            let what = Change {
                period: change.period,
                seats: change.seats,
                support_until: change.support_until,
                industry_support_until: change.industry_support_until,
                moves_per_year: change.moves_per_year,
            };
            arguments
                .centre()?
                .change_key(change.key_no, &what, WHO, now)?;
            Ok(show::changed(change.key_no, lang))
        }
        Command::Answer { file, out } => answer(arguments, file, out.as_deref(), lang),
        Command::Report => Ok(show::report(&arguments.centre()?.report(now)?, lang)),
        Command::Journal { key, limit } => {
            Ok(show::journal(&arguments.centre()?.journal(*key, *limit)?))
        }
        Command::Token(Token::Add { name }) => {
            let token = arguments.centre()?.add_token(name, WHO, now)?;
            Ok(format!("{token}\n"))
        }
        Command::Token(Token::List) => Ok(show::tokens(&arguments.centre()?.tokens()?)),
        Command::Token(Token::Revoke { name }) => {
            arguments.centre()?.revoke_token(name, WHO, now)?;
            Ok(show::token_ended(name, lang))
        }
        Command::Backup { file } => {
            let passphrase = arguments.passphrase()?;
            arguments.centre()?.backup(file, &passphrase, WHO, now)?;
            Ok(show::backed_up(file, lang))
        }
        Command::Restore { file } => {
            backup::restore(&arguments.data, file, &arguments.passphrase()?, WHO, now)?;
            Ok(show::restored(&arguments.data, lang))
        }
        Command::Passphrase { file, forgotten } => {
            let new = passphrase_of(file)?;
            if *forgotten {
                arguments.centre()?.forget_passphrase(&new, WHO, now)?;
                return Ok(show::passphrase_forgotten(lang));
            }
            arguments.unlocked()?.change_passphrase(&new, WHO, now)?;
            Ok(show::passphrase_changed(lang))
        }
    }
}

fn issue_codes(arguments: &Arguments, issue: &Issue, lang: Lang) -> Result<String, CentreError> {
    let mut centre = arguments.centre()?;
    let offer = match &issue.article {
        Some(article) => centre.article(issue.serie, article)?,
        None => issue.offer.offer(None),
    };
    let sale = Sale {
        series: issue.serie,
        offer,
        count: issue.count,
        order: issue.order.clone(),
        customer: issue.customer.clone(),
        itn: issue.itn.clone(),
        iec: issue.iec.clone(),
        // The day that is named still counts.
        ends_at: issue.until.map(|day| day + DAY),
    };
    let issued = centre.issue_codes(&sale, WHO, dates::now())?;
    Ok(show::issued(&issued, lang))
}

fn answer(
    arguments: &Arguments,
    file: &Path,
    out: Option<&Path>,
    lang: Lang,
) -> Result<String, CentreError> {
    let mut centre = arguments.unlocked()?;
    let bytes = output::read(file, MAX_REQUEST * 2)?;
    let bytes = protocol::centre::from_qr(&bytes).unwrap_or(bytes);
    let exchanged = centre.exchange(&bytes, WHO, dates::now());
    let out = out.map_or_else(|| file.with_extension("answer"), Path::to_owned);
    if let Some(refusal) = &exchanged.refusal {
        // A refusal that is signed goes back too: the server acts on it.
        if protocol::envelope::Kind::of(&exchanged.bytes) == Some(protocol::envelope::Kind::Refusal)
        {
            return Err(CentreError::Refused(refusal.clone()));
        }
    }
    write_whole(&out, &exchanged.bytes, Access::Shared)
        .map_err(|error| CentreError::File(out.clone(), error))?;
    Ok(show::answered(&out, exchanged.refusal.as_ref(), lang))
}
