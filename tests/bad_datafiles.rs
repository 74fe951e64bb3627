//! Datafiles that cannot be used, in a process that has a seat: each has its own number and sentence, the
//! seat and the datafile loaded before stay, and no half of a file is ever left.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use licence::{
    host::Value,
    process::{Answer, Process},
    scene::Scene,
};

/// A scene with a process that has a seat, its datafile, and the object in it.
struct Seated {
    scene: Scene,
    process: Process,
    datafile: PathBuf,
    content: Vec<u8>,
}

impl Seated {
    fn new() -> Self {
        let scene = Scene::new(2);
        // Random, so that it does not shrink, and of several chunks.
        let mut state = 1_u32;
        let content: Vec<u8> = (0..300_000)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state as u8
            })
            .collect();
        let file = scene.root().join("object.bin");
        fs::write(&file, &content).unwrap();
        let datafile = scene.pack(&file, "Расчет");
        let (process, obtained) = scene.client(&datafile, 1);
        assert!(obtained.is_true(), "{}", obtained.en);
        fs::create_dir(scene.root().join("out")).unwrap();
        Self {
            scene,
            process,
            datafile,
            content,
        }
    }

    fn load(&mut self, path: &Path) -> Answer {
        self.process.call("LoadDataFile", &[text(path)])
    }

    /// Loads these bytes, as a file and as binary data; both must be refused alike.
    #[track_caller]
    fn refused(&mut self, bytes: &[u8], code: i32) {
        let path = self.scene.root().join("bad.datafile");
        fs::write(&path, bytes).unwrap();
        self.load(&path).assert_refused(code);
        self.process
            .call("LoadDataFile", &[Value::Blob(bytes.into())])
            .assert_refused(code);
    }

    fn object_to(&mut self, name: &str, path: &Path) -> Answer {
        self.process
            .call("GetObjectToFile", &[name.into(), text(path)])
    }

    fn out(&self) -> PathBuf {
        self.scene.root().join("out/object.epf")
    }

    /// Nothing was written beside or in place of the output.
    #[track_caller]
    fn nothing_written(&self) {
        assert_eq!(
            fs::read_dir(self.scene.root().join("out")).unwrap().count(),
            0
        );
    }

    /// The seat is there and the datafile that was loaded first still works.
    #[track_caller]
    fn still_works(&mut self) {
        assert_eq!(self.scene.sessions(), 1);
        let out = self.out();
        let told = self.object_to("Расчет", &out);
        assert!(told.is_true(), "{}", told.en);
        assert_eq!(fs::read(&out).unwrap(), self.content);
        fs::remove_file(out).unwrap();
        self.nothing_written();
    }
}

fn text(path: &Path) -> Value {
    Value::Text(path.display().to_string())
}

#[test]
fn a_truncated_datafile_is_refused_wherever_it_ends() {
    let mut seated = Seated::new();
    let good = fs::read(&seated.datafile).unwrap();
    for length in [
        3,
        8,
        9,
        12,
        13,
        100,
        300,
        good.len() / 2,
        good.len() - 17,
        good.len() - 1,
    ] {
        seated.refused(&good[..length], 403);
    }
    seated.refused(&[], 402);
    seated.still_works();
}

#[test]
fn a_datafile_altered_in_its_head_directory_or_length_is_refused() {
    let mut seated = Seated::new();
    let good = fs::read(&seated.datafile).unwrap();
    let altered = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    // Within the signed directory: its payload, and the signature at its end.
    let directory = 12 + u32::from_be_bytes(good[8..12].try_into().unwrap()) as usize;
    for at in [60, 90, 120, directory - 1] {
        seated.refused(&altered(at), 404);
    }
    let longer = [good.clone(), vec![0]].concat();
    seated.refused(&longer, 404);
    seated.refused(&altered(0), 402);
    let mut newer = good.clone();
    newer[4] = 2;
    seated.refused(&newer, 408);
    seated.still_works();
}

#[test]
fn an_altered_object_is_refused_when_it_is_opened_and_leaves_no_file() {
    let mut seated = Seated::new();
    let good = fs::read(&seated.datafile).unwrap();
    for at in [good.len() - 200_000, good.len() - 1] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        let path = seated.scene.root().join(format!("altered{at}.datafile"));
        fs::write(&path, bytes).unwrap();
        assert!(seated.load(&path).is_true());
        let out = seated.out();
        seated.object_to("Расчет", &out).assert_refused(404);
        seated
            .process
            .call("GetObject", &["Расчет".into()])
            .assert_refused(404);
        seated.nothing_written();
        assert_eq!(seated.scene.sessions(), 1);
    }
    let datafile = seated.datafile.clone();
    assert!(seated.load(&datafile).is_true());
    seated.still_works();
}

#[test]
fn a_datafile_that_is_cut_after_it_was_loaded_gives_no_half_of_an_object() {
    let mut seated = Seated::new();
    let path = seated.scene.root().join("cut.datafile");
    fs::copy(&seated.datafile, &path).unwrap();
    assert!(seated.load(&path).is_true());
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    let out = seated.out();
    seated.object_to("Расчет", &out).assert_refused(403);
    seated
        .process
        .call("GetObject", &["Расчет".into()])
        .assert_refused(403);
    seated.nothing_written();
    assert_eq!(seated.scene.sessions(), 1);
}

#[test]
fn a_datafile_of_another_series_is_refused_and_so_is_the_same_series_of_another_vendor() {
    let mut seated = Seated::new();
    let file = seated.scene.root().join("object.bin");
    let other = seated.scene.pack_of("0001", &file, "Расчет");
    seated.load(&other).assert_refused(405);
    let strangers = Scene::bare();
    let same_series = strangers.pack(&file, "Расчет");
    // What the file says of its vendor is believed until the seat's licence says otherwise.
    assert!(seated.load(&same_series).is_true());
    let out = seated.out();
    let told = seated.object_to("Расчет", &out);
    assert!(
        !told.is_true() && told.code >= 400,
        "{} {}",
        told.code,
        told.en
    );
    told.assert_refused(told.code);
    seated.nothing_written();
    let datafile = seated.datafile.clone();
    assert!(seated.load(&datafile).is_true());
    seated.still_works();
}

#[test]
fn what_is_no_datafile_no_file_or_no_object_has_its_own_number() {
    let mut seated = Seated::new();
    seated.refused(b"PK\x03\x04 a ZIP file and what follows in it", 402);
    seated.refused(&[0; 100], 402);
    let root = seated.scene.root().to_owned();
    seated.load(&root).assert_refused(401);
    seated
        .load(&root.join("missing.datafile"))
        .assert_refused(401);
    seated.load(Path::new("")).assert_refused(401);
    let out = seated.out();
    for name in [
        "Другой",
        "расчет",
        "",
        "Расчет ",
        "../Расчет",
        &"я".repeat(300),
    ] {
        seated.object_to(name, &out).assert_refused(406);
        seated
            .process
            .call("GetObject", &[name.into()])
            .assert_refused(406);
    }
    seated.nothing_written();
    for path in [
        root.join("nowhere/object.epf"),
        root.join("out"),
        PathBuf::new(),
    ] {
        seated.object_to("Расчет", &path).assert_refused(409);
    }
    seated.nothing_written();
    seated.still_works();
}

#[cfg(unix)]
#[test]
fn a_pipe_in_a_datafile_s_place_makes_nobody_wait() {
    let mut seated = Seated::new();
    let pipe = seated.scene.root().join("pipe");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    seated.load(&pipe).assert_refused(401);
    seated.still_works();
}
