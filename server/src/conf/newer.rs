//! Settings that came with a newer version: an existing file gets them as comments, with what the sample says about them.

use std::{fs, io, path::Path};

use protocol::files::read_limited;

use super::{
    ConfError, DEFAULT, MAX_FILE,
    change::CHANGING,
    edit::{commented_out, find, is_head},
    utf8, write,
};

/// A setting of the sample.
struct Setting {
    section: String,
    key: &'static str,
    /// The comment above it, and its line.
    lines: Vec<&'static str>,
}

fn settings() -> Vec<Setting> {
    let (mut section, mut comment, mut found) = (String::new(), Vec::new(), Vec::new());
    for line in DEFAULT.lines() {
        if let Some(head) = line.strip_prefix('[') {
            section = head.trim_end_matches(']').into();
            comment.clear();
        } else if line.starts_with(';') {
            comment.push(line);
        } else if let Some((key, _)) = line.split_once('=') {
            let mut lines = std::mem::take(&mut comment);
            lines.push(line);
            found.push(Setting {
                section: section.clone(),
                key,
                lines,
            });
        } else {
            comment.clear();
        }
    }
    found
}

/// The text with the settings that it lacks, commented out, at the end of their sections. No line of it changes.
fn with_new_settings(text: &str) -> String {
    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut whole = text.to_owned();
    for setting in settings() {
        let Setting {
            section,
            key,
            lines,
        } = setting;
        if find(&whole, &section, key).is_some() || commented_out(&whole, &section, key).is_some() {
            continue;
        }
        let (last, above) = lines
            .split_last()
            .map_or(("", &[][..]), |(last, above)| (*last, above));
        let mut added: String = above.iter().flat_map(|line| [line, ending]).collect();
        added.extend([";", last, ending]);
        let mut parts: Vec<&str> = whole.split_inclusive('\n').collect();
        let head = format!("[{section}]{ending}");
        let (at, before) = match end_of(&whole, &section) {
            Some(at) => (at + 1, ""),
            None => (parts.len(), head.as_str()),
        };
        let unfinished = at > 0 && !parts[at - 1].ends_with('\n');
        let apart = !before.is_empty() && parts.iter().any(|line| !line.trim().is_empty());
        let added = [
            if unfinished { ending } else { "" },
            if apart { ending } else { "" },
            before,
            &added,
        ]
        .concat();
        parts.insert(at, &added);
        whole = parts.concat();
    }
    whole
}

/// The line after which a section's settings go on: its last one, commented out or not, or its head. Comments that stand
/// right before the next section may be that one's.
fn end_of(text: &str, section: &str) -> Option<usize> {
    let mut inside = false;
    let mut found = None;
    for (at, line) in text.lines().enumerate() {
        if let Some(name) = is_head(line) {
            inside = name == section.to_lowercase();
            if inside {
                found = Some(at);
            }
        } else if inside && is_setting(line) {
            found = Some(at);
        }
    }
    found
}

/// A sentence with an equals sign in it is none.
fn is_setting(line: &str) -> bool {
    let line = line.trim_start_matches([';', '#', ' ', '\t']);
    line.split_once('=')
        .is_some_and(|(key, _)| !key.trim().is_empty() && !key.trim().contains(char::is_whitespace))
}

/// Adds the settings that the file lacks, as comments: nothing that is in force changes. A file of another owner, or a link to
/// one, is left to that owner.
///
/// # Errors
/// When the file cannot be read or written; nothing was changed then.
pub fn add_new_settings(file: &Path) -> Result<(), ConfError> {
    let _alone = CHANGING.lock();
    let failed = |error| ConfError::Read {
        file: file.into(),
        error,
    };
    let before = match fs::symlink_metadata(file) {
        Ok(before) if before.is_file() => before,
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let text = utf8(file, read_limited(file, MAX_FILE).map_err(failed)?)?;
    let whole = with_new_settings(&text);
    if whole == text || whole.len() > MAX_FILE || !is_ours(file, &before) {
        return Ok(());
    }
    write(file, &whole)?;
    // Whoever else may read it may do so still.
    fs::set_permissions(file, before.permissions()).map_err(|error| ConfError::Write {
        file: file.into(),
        error,
    })
}

/// A new file in its place would have the folder's owner.
#[cfg(unix)]
fn is_ours(file: &Path, before: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    file.parent()
        .and_then(|folder| fs::metadata(folder).ok())
        .is_some_and(|folder| folder.uid() == before.uid())
}

#[cfg(not(unix))]
fn is_ours(_file: &Path, _before: &fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::{load, look, parse};

    #[test]
    fn the_sample_lacks_nothing_and_a_setting_is_added_where_it_belongs() {
        assert_eq!(with_new_settings(DEFAULT), DEFAULT);
        let wanted = "; Set to 1 to keep today's logs of earlier runs\nKeepCurrentDateLogs=0\n";
        let old = DEFAULT.replace(wanted, "");
        assert_ne!(old, DEFAULT);
        let new = with_new_settings(&old);
        assert_eq!(
            new,
            DEFAULT.replace("\nKeepCurrentDateLogs=0", "\n;KeepCurrentDateLogs=0")
        );
        // Before the comment of the section below, and once.
        let old = DEFAULT.replace("EnableAccessCodes=0\n", ";EnableAccessCodes=1\n");
        assert_eq!(with_new_settings(&old), old);
        let old = DEFAULT.replace("HostNames=\n", "");
        let new = with_new_settings(&old);
        assert!(
            new.contains("EnableAccessCodes=0\n; Names of this server"),
            "{new}"
        );
        assert!(
            new.contains("\n;HostNames=\n\n; Access codes of components"),
            "{new}"
        );
    }

    #[test]
    fn values_marks_ends_of_lines_and_order_stay() {
        for old in [
            "\u{feff}; mine\r\n[Common]\r\nServerPort=1541\r\n\r\n[Mine]\r\nx=1",
            "[console]\nhostnames = a,b\nPassword=$x\n[Console]\nUserName=eve\n",
            "",
        ] {
            let new = with_new_settings(old);
            assert_eq!(with_new_settings(&new), new, "a second time");
            let mut rest = new.lines();
            for line in old.lines() {
                assert!(
                    rest.any(|found| found == line),
                    "{line} is not in its place:\n{new}"
                );
            }
            if old.contains('\r') {
                assert_eq!(new.matches('\n').count(), new.matches("\r\n").count());
            }
            for setting in settings() {
                let (section, key) = (&setting.section, setting.key);
                let live = |text: &str| {
                    find(text, section, key).map(|at| text.lines().nth(at).map(str::to_owned))
                };
                assert_eq!(live(&new), live(old), "{section} {key}");
                assert!(live(&new).is_some() || commented_out(&new, section, key).is_some());
            }
            let old = old.replace("$x", "y");
            let new = with_new_settings(&old);
            let file = Path::new("a.conf");
            assert_eq!(parse(file, &new).unwrap(), parse(file, &old).unwrap());
        }
    }

    #[test]
    fn a_file_gets_them_once_and_keeps_its_rights() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.conf");
        add_new_settings(&file).unwrap();
        assert!(!file.exists());
        fs::write(&file, "[Common]\nLang=ru\n").unwrap();
        #[cfg(unix)]
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        let (before, rights) = (
            look(&file).unwrap(),
            fs::metadata(&file).unwrap().permissions(),
        );
        add_new_settings(&file).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            text.contains("\n; Port of components, console and API\n;ServerPort=9099\n"),
            "{text}"
        );
        assert_eq!(look(&file).unwrap(), before);
        assert_eq!(fs::metadata(&file).unwrap().permissions(), rights);
        let written = fs::metadata(&file).unwrap().modified().unwrap();
        add_new_settings(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), written);
        // What is set later stands beside its comment.
        load(&file).unwrap();
        let text = crate::conf::set(&text, "Common", "ServerPort", "1541");
        assert!(
            text.contains("\n;ServerPort=9099\nServerPort=1541\n"),
            "{text}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, file) = (folder.path().join("real"), folder.path().join("a.conf"));
        fs::write(&real, "[Common]\n").unwrap();
        std::os::unix::fs::symlink(&real, &file).unwrap();
        add_new_settings(&file).unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "[Common]\n");
        assert!(fs::symlink_metadata(&file).unwrap().is_symlink());
    }
}
