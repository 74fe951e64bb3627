//! The command line of `licencecenter`.

mod arguments;
mod commands;
mod serve;
mod show;

use std::{ffi::OsString, fs, path::Path};

use clap::{Parser, error::ErrorKind};
use zeroize::Zeroizing;

use self::arguments::Arguments;
use super::{Centre, CentreError, Lang};

/// What there is to say.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// After success, for standard output.
    Done(String),
    /// The one line that says what is wrong.
    Failed(String),
}

/// Runs one command line; its first word is the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Said {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            ) =>
        {
            return Said::Done(error.to_string());
        }
        Err(error) => return Said::Failed(crate::cli::one_line(&error, "licencecenter")),
    };
    let lang = arguments.lang.map_or_else(Lang::of_environment, Into::into);
    match commands::run(&arguments, lang) {
        Ok(text) => Said::Done(text),
        Err(error) => Said::Failed(error.text(lang)),
    }
}

impl Arguments {
    fn centre(&self) -> Result<Centre, CentreError> {
        Centre::open(&self.data)
    }

    fn unlocked(&self) -> Result<Centre, CentreError> {
        let mut centre = self.centre()?;
        centre.unlock(&self.passphrase()?)?;
        Ok(centre)
    }

    /// The centre's passphrase: of the file, else of the environment.
    fn passphrase(&self) -> Result<Zeroizing<String>, CentreError> {
        match &self.passphrase_file {
            Some(file) => passphrase_of(file),
            None => std::env::var("LICENCECENTER_PASSPHRASE")
                .ok()
                .filter(|text| !text.is_empty())
                .map(Zeroizing::new)
                .ok_or(CentreError::NoPassphrase),
        }
    }
}

/// The passphrase that a file holds, without the line's end.
fn passphrase_of(file: &Path) -> Result<Zeroizing<String>, CentreError> {
    let text = fs::read_to_string(file).map_err(|error| CentreError::File(file.into(), error))?;
    let text = Zeroizing::new(text);
    let phrase = text.trim_end_matches(['\r', '\n']);
    if phrase.is_empty() {
        return Err(CentreError::NoPassphrase);
    }
    Ok(Zeroizing::new(phrase.to_owned()))
}
