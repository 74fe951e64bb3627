//! The component that was installed on the computer beside the copies in configurations' templates: where it
//! lies, whether it may be trusted, and which of the two works.
//!
//! Loading it runs its code with the rights of every 1C user, so nobody but the system's administrator may
//! have been able to put it there.

#[cfg(unix)]
mod elf;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use protocol::Version;

use super::{computer::cpu, folders::under_root};
use crate::table::Language;

/// The name by which a library of ours is told from others of its file name, before any of its code runs.
const MARKER: &[u8] = b"LicenceAddInMarker\0";
/// A longer file is none of ours, in bytes.
const MAX_LIBRARY: u64 = 512 * 1024 * 1024;

/// The copy in a configuration's template, in whose place the installed component works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its version.
    pub version: Version,
    /// Its file, as far as it is known.
    pub file: String,
}

/// What became of the installed component in this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// There is none.
    Absent,
    /// This is it: 1C attached its file.
    Itself,
    /// It is there and is not used.
    Refused(PathBuf, Refusal),
    /// It works instead of the copy from the template.
    Used(PathBuf, Version),
}

/// Why an installed component is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This file or folder belongs to somebody else than the system.
    Owner(PathBuf),
    /// This file or folder can be written by somebody else than the system.
    Writable(PathBuf),
    /// This is a link.
    Link(PathBuf),
    /// There is something else than a library of a sane size.
    NotAFile,
    /// This cannot be looked at, with the system's word.
    Unreadable(PathBuf, String),
    /// It is not a component of this system.
    Foreign,
    /// It is of another version, or works together with others in another way.
    OtherVersion(String),
    /// The system does not load it; its word.
    NotLoaded(String),
}

impl Refusal {
    /// The reason and what to do.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        let russian = language == Language::Russian;
        match self {
            Self::Owner(path) if russian => format!(
                "{} принадлежит не системе. Установите компоненту из пакета.",
                path.display()
            ),
            Self::Owner(path) => format!(
                "{} does not belong to the system. Install the component from its package.",
                path.display()
            ),
            Self::Writable(path) if russian => format!(
                "{} могут изменить не только администраторы. Закройте запись для остальных.",
                path.display()
            ),
            Self::Writable(path) => format!(
                "{} can be written by others than administrators. Take that right from them.",
                path.display()
            ),
            Self::Link(path) if russian => format!(
                "{} – ссылка. Поставьте на её место саму папку или файл.",
                path.display()
            ),
            Self::Link(path) => format!(
                "{} is a link. Put the folder or file itself in its place.",
                path.display()
            ),
            Self::NotAFile if russian => {
                "это не файл библиотеки. Установите компоненту заново.".into()
            }
            Self::NotAFile => "it is no library file. Install the component again.".into(),
            Self::Unreadable(path, error) if russian => format!(
                "{}: {error}. Дайте пользователям право на чтение.",
                path.display()
            ),
            Self::Unreadable(path, error) => {
                format!(
                    "{}: {error}. Give users the right to read it.",
                    path.display()
                )
            }
            Self::Foreign if russian => {
                "это компонента другого производителя, она не тронута.".into()
            }
            Self::Foreign => "it is another maker's component; it was left alone.".into(),
            Self::OtherVersion(version) if russian => format!(
                "её версия {version}, а заменять копию из макета могут только версии 3.0. Установите подходящую."
            ),
            Self::OtherVersion(version) => format!(
                "its version is {version}; only versions 3.0 work in the template's place. Install one of them."
            ),
            Self::NotLoaded(error) if russian => {
                format!("не загружается: {error}. Установите компоненту заново.")
            }
            Self::NotLoaded(error) => {
                format!("it cannot be loaded: {error}. Install the component again.")
            }
        }
    }
}

impl State {
    /// One word for programs.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Itself => "itself",
            Self::Refused(..) => "refused",
            Self::Used(..) => "used",
        }
    }

    /// The installed file.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Absent | Self::Itself => None,
            Self::Refused(file, _) | Self::Used(file, _) => Some(file),
        }
    }
}

/// An installed component that may be trusted, held open so that what was checked is what gets loaded.
#[derive(Debug)]
pub struct Trusted {
    /// Where it lies.
    pub path: PathBuf,
    /// The open file.
    pub file: File,
    /// The open folders that lead to it, which nobody can move meanwhile.
    #[cfg(windows)]
    _folders: Vec<File>,
}

#[cfg(test)]
impl Trusted {
    /// A file that a test has reason to trust, wherever it lies.
    pub(crate) fn by_test(path: &Path) -> Self {
        Self {
            path: path.into(),
            file: File::open(path).unwrap(),
            #[cfg(windows)]
            _folders: Vec::new(),
        }
    }
}

/// Where an installed component may lie, in the order in which they are looked at.
#[must_use]
pub fn candidates() -> Vec<PathBuf> {
    let suffix = if cfg!(windows) { "dll" } else { "so" };
    let name = format!("licenceaddin-{}.{suffix}", cpu());
    let plain = system::folders();
    // A prefix of the environment's counts only for a file that only the administrator can have put there,
    // and never takes the system's own place away.
    let mut all: Vec<_> = plain
        .iter()
        .filter_map(|folder| under_root(folder))
        .chain(plain.iter().cloned())
        .map(|folder| folder.join(&name))
        .collect();
    all.dedup();
    all
}

/// Whether a file is the one that `own` is, by path or as a file.
#[must_use]
pub fn is_same(path: &Path, own: &Path) -> bool {
    // A package that was replaced leaves us with the path alone.
    path == own
        || match (path.canonicalize(), own.canonicalize()) {
            (Ok(path), Ok(own)) => path == own || system::same_file(&path, &own),
            _ => false,
        }
}

/// Opens an installed component if it is one of ours and may be trusted; none if there is no file.
///
/// # Errors
/// Why it may not be used.
pub fn open(path: &Path) -> Result<Option<Trusted>, Refusal> {
    match path.symlink_metadata() {
        Ok(_) => {}
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(Refusal::Unreadable(path.into(), error.to_string())),
    }
    let mut trusted = system::open(path)?;
    match has_marker(&mut trusted.file) {
        Ok(true) => {
            system::check_whole(&trusted)?;
            Ok(Some(trusted))
        }
        Ok(false) => Err(Refusal::Foreign),
        Err(error) => Err(Refusal::Unreadable(path.into(), error.to_string())),
    }
}

/// Whether the name of the marker stands in a file.
fn has_marker(file: &mut File) -> io::Result<bool> {
    let mut buffer = vec![0; 256 * 1024];
    let mut kept = 0;
    loop {
        let read = file.read(&mut buffer[kept..])?;
        if read == 0 {
            return Ok(false);
        }
        let filled = kept + read;
        let text = &buffer[..filled];
        if text.windows(MARKER.len()).any(|part| part == MARKER) {
            return Ok(true);
        }
        // The name may begin at the end of what was read.
        kept = filled.min(MARKER.len() - 1);
        buffer.copy_within(filled - kept..filled, 0);
    }
}

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;

    #[test]
    fn the_marker_is_found_wherever_it_stands_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("library");
        for before in [0, 1, 256 * 1024 - 20, 256 * 1024 - 10, 256 * 1024, 600_000] {
            let mut file = File::create(&path).unwrap();
            file.write_all(&vec![b'L'; before]).unwrap();
            file.write_all(MARKER).unwrap();
            assert!(
                has_marker(&mut File::open(&path).unwrap()).unwrap(),
                "{before}"
            );
        }
        fs::write(&path, b"LicenceAddInMarkerX\0").unwrap();
        assert!(!has_marker(&mut File::open(&path).unwrap()).unwrap());
        fs::write(&path, b"").unwrap();
        assert!(!has_marker(&mut File::open(&path).unwrap()).unwrap());
    }

    #[test]
    fn the_installed_file_is_named_for_the_processor_and_lies_in_the_system_s_place() {
        let last = candidates().pop().unwrap();
        let name = last.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("licenceaddin-") && name.contains(cpu()));
        #[cfg(all(unix, target_arch = "x86_64"))]
        assert_eq!(
            last,
            Path::new("/opt/1C/licence/3.0/licenceaddin-x86_64.so")
        );
    }

    #[test]
    fn every_refusal_says_in_both_languages_what_to_do() {
        let path = PathBuf::from("/opt/x");
        for refusal in [
            Refusal::Owner(path.clone()),
            Refusal::Writable(path.clone()),
            Refusal::Link(path.clone()),
            Refusal::NotAFile,
            Refusal::Unreadable(path, "no".into()),
            Refusal::Foreign,
            Refusal::OtherVersion("3.1.0.1".into()),
            Refusal::NotLoaded("no".into()),
        ] {
            let (en, ru) = (
                refusal.text(Language::English),
                refusal.text(Language::Russian),
            );
            assert!(
                en.ends_with('.') && ru.ends_with('.') && en != ru,
                "{en} {ru}"
            );
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_no_refusal() {
        assert!(matches!(open(Path::new("/nonexistent/x.so")), Ok(None)));
    }
}
