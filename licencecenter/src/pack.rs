//! `c`: packs files into a datafile of a series.

use std::{
    collections::HashMap,
    io::BufWriter,
    path::{Path, PathBuf},
};

use protocol::{
    KeyId,
    datafile::{
        MAX_NAME, MAX_OBJECT, MAX_OBJECTS,
        pack::{self, Draw, Input},
    },
    files::{Access, NewFile},
};

use crate::{
    Error, output,
    printable::printable,
    text::{self, TextEncoding},
};

/// What is packed, and how.
#[derive(Clone, Debug)]
pub struct Packing {
    /// The datafile.
    pub out: PathBuf,
    /// The files that become its objects.
    pub inputs: Vec<PathBuf>,
    /// The secrets of the series.
    pub cryptkey: PathBuf,
    /// The series that the caller expects them to be of.
    pub series: KeyId,
    /// Whether an existing datafile is replaced.
    pub replace: bool,
    /// The encoding of the inputs when they are texts.
    pub encoding: Option<TextEncoding>,
    /// The objects' names; the files' names without extension when empty.
    pub names: Vec<String>,
    /// The flags that a licence must have to open the objects.
    pub flags: u32,
    /// The vendor's version of the objects.
    pub version: u32,
}

/// Writes the datafile.
///
/// # Errors
/// Keys of another series, an output in the way, an input that cannot be read or is no text; no output is
/// left behind then.
pub fn run(packing: &Packing) -> Result<String, Error> {
    let sources: Vec<&Path> = packing.inputs.iter().map(PathBuf::as_path).collect();
    let protected: Vec<&Path> = sources
        .iter()
        .copied()
        .chain([packing.cryptkey.as_path()])
        .collect();
    output::check_output(&packing.out, packing.replace, &protected)?;
    let keys = output::read_keys(&packing.cryptkey)?;
    if keys.key_id != packing.series {
        return Err(Error::OtherSeries {
            path: packing.cryptkey.clone(),
            asked: packing.series,
            found: keys.key_id,
        });
    }
    let names = names(&packing.inputs, &packing.names)?;
    let inputs = sources
        .iter()
        .zip(&names)
        .map(|(path, name)| {
            Ok(Input {
                name: name.clone(),
                version: packing.version,
                flags: packing.flags,
                content: content(path, packing.encoding)?,
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let file = NewFile::create(&packing.out, Access::Shared).map_err(Error::write(&packing.out))?;
    let mut file = BufWriter::new(file);
    pack::write(&inputs, &keys, Draw::random(), &mut file)?;
    file.into_inner()
        .map_err(|error| error.into_error())
        .and_then(NewFile::finish)
        .map_err(Error::write(&packing.out))?;
    let mut report = format!("{}: series {}\n", packing.out.display(), keys.key_id);
    for input in &inputs {
        report += &format!(
            "  {}, {} bytes\n",
            printable(&input.name),
            input.content.len()
        );
    }
    Ok(report)
}

/// The objects' names, one for each input, each of them once.
fn names(inputs: &[PathBuf], given: &[String]) -> Result<Vec<String>, Error> {
    if inputs.len() > MAX_OBJECTS {
        return Err(Error::TooManyInputs(inputs.len()));
    }
    if !given.is_empty() && given.len() != inputs.len() {
        return Err(Error::NameCount {
            names: given.len(),
            inputs: inputs.len(),
        });
    }
    let mut seen: HashMap<String, &Path> = HashMap::new();
    let mut names = Vec::with_capacity(inputs.len());
    for (index, path) in inputs.iter().enumerate() {
        let wrong = |why: &str| Error::ObjectName {
            path: path.clone(),
            why: why.into(),
        };
        let name = match given.get(index) {
            Some(name) => name.as_str(),
            None => path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .ok_or_else(|| wrong("would be the file's, which is not in Unicode"))?,
        };
        if name.is_empty() || name.len() > MAX_NAME {
            return Err(wrong(&format!(
                "has {} bytes, 1 to {MAX_NAME} are allowed",
                name.len()
            )));
        }
        if let Some(other) = seen.insert(name.to_owned(), path) {
            return Err(wrong(&format!(
                "\"{name}\" is also that of {}",
                other.display()
            )));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

fn content(path: &Path, encoding: Option<TextEncoding>) -> Result<Vec<u8>, Error> {
    // On a computer of 32 bits the address space is the tighter limit, and the allocation says so.
    let bytes = output::read(path, usize::try_from(MAX_OBJECT).unwrap_or(usize::MAX - 1))?;
    let Some(encoding) = encoding else {
        return Ok(bytes);
    };
    text::to_utf8(&bytes, encoding).map_err(|why| Error::Text {
        path: path.into(),
        encoding: encoding.name(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_files_or_from_the_caller_and_are_unique() {
        let paths = |texts: &[&str]| texts.iter().map(PathBuf::from).collect::<Vec<_>>();
        let given = |texts: &[&str]| {
            texts
                .iter()
                .map(|&text| text.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(&paths(&["a/Отчёт.epf", "b.c.txt"]), &[]).unwrap(),
            ["Отчёт", "b.c"]
        );
        assert_eq!(names(&paths(&["a.epf"]), &given(&["Б"])).unwrap(), ["Б"]);
        let twice = names(&paths(&["x/a.epf", "y/a.epf"]), &[])
            .unwrap_err()
            .to_string();
        assert!(
            twice.contains("y/a.epf") && twice.contains("x/a.epf"),
            "{twice}"
        );
        assert!(matches!(
            names(&paths(&["a", "b"]), &given(&["c"])),
            Err(Error::NameCount {
                names: 1,
                inputs: 2
            })
        ));
        assert!(matches!(
            names(&paths(&["a"]), &given(&[""])),
            Err(Error::ObjectName { .. })
        ));
    }
}
