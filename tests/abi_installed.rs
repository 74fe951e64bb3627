//! The component that is installed on the computer works instead of the copies in templates: two versions, really
//! built, in a folder of root's, seen from a process without root's rights.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

use licence::{
    process::Process,
    programs::{addin_library, other_addin_library, process1c},
    room::copy_program,
};

/// A user without rights, `nobody` on every Linux.
const NOBODY: u32 = 65534;

/// A computer with places of its own, all of them root's but for the user's home.
struct Computer {
    root: tempfile::TempDir,
}

impl Computer {
    fn new() -> Self {
        // /var/lib is root's alone, unlike /tmp.
        let root = tempfile::Builder::new()
            .prefix("licence-test-")
            .tempdir_in("/var/lib")
            .expect("these tests need root: only root makes files that belong to root");
        assert_eq!(root.path().metadata().unwrap().uid(), 0, "root runs this");
        let computer = Self { root };
        open_to_all(computer.root.path());
        for folder in [
            "opt/1C/licence/3.0",
            "var/1C/licence/3.0",
            "templates",
            "home/user",
        ] {
            let folder = computer.path(folder);
            fs::create_dir_all(&folder).unwrap();
        }
        let home = computer.path("home/user");
        chown(&home, Some(NOBODY), None).unwrap();
        // Under the prefix the user's places are the same path once more.
        let inner = computer.root.path().join(home.strip_prefix("/").unwrap());
        fs::create_dir_all(&inner).unwrap();
        chown(&inner, Some(NOBODY), None).unwrap();
        copy_program(&process1c(), &computer.path("process1c"));
        computer
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The copy that 1C took out of a configuration's template.
    fn template(&self, library: &Path, name: &str) -> PathBuf {
        let file = self.path("templates").join(name);
        fs::copy(library, &file).unwrap();
        file
    }

    fn installed(&self) -> PathBuf {
        self.path("opt/1C/licence/3.0")
            .join(format!("licenceaddin-{}.so", processor()))
    }

    fn install(&self, library: &Path) -> PathBuf {
        let file = self.installed();
        // As packages do it: a new file takes the name.
        let new = self.path("opt/1C/licence/3.0/new");
        fs::copy(library, &new).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(&new, &file).unwrap();
        file
    }

    /// A process of the user.
    fn process(&self) -> Process {
        Process::bare(
            Command::new(self.path("process1c"))
                .env_clear()
                .env("LICENCE_ROOT", self.root.path())
                .env("HOME", self.path("home/user"))
                .env("LANG", "en_US.UTF-8")
                .current_dir("/")
                .uid(NOBODY)
                .gid(NOBODY),
        )
    }

    /// All logs of the user's processes: the module in the name, and the text.
    fn logs(&self) -> Vec<(String, String)> {
        let home = self.path("home/user");
        let folder = self
            .root
            .path()
            .join(home.strip_prefix("/").unwrap())
            .join(".1C/licence/3.0/logs");
        let Ok(entries) = fs::read_dir(folder) else {
            return Vec::new();
        };
        entries
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                let module = name.splitn(4, '.').nth(3).unwrap();
                let module = module.strip_suffix(".log").unwrap().to_owned();
                (module, fs::read_to_string(&path).unwrap())
            })
            .collect()
    }

    fn log(&self, module: &str) -> String {
        let logs = self.logs();
        let found = logs.iter().find(|(name, _)| name == module);
        found
            .unwrap_or_else(|| panic!("no log of {module} among {logs:?}"))
            .1
            .clone()
    }
}

fn open_to_all(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

fn processor() -> &'static str {
    if cfg!(target_arch = "x86") {
        "i386"
    } else {
        "x86_64"
    }
}

/// The versions of the two libraries: this one's and the other's.
fn versions() -> (String, String) {
    let own = licence::host::Library::load(&addin_library()).marker();
    let text = |build: u32| format!("{}.{}.{}.{build}", own[2], own[3], own[4]);
    (text(own[5]), text(7528))
}

/// Makes the component open its log: it does at Connect, and for that it needs a series.
fn connect(process: &mut Process) {
    process.set("KeyID", "672B".into());
    process.call("Connect", &[]);
}

#[test]
fn the_installed_component_works_instead_of_the_template_s_copy_be_it_newer_or_older() {
    let (own, other) = versions();
    for (template, installed, template_version, version) in [
        (addin_library(), other_addin_library(), &own, &other),
        (other_addin_library(), addin_library(), &other, &own),
    ] {
        let computer = Computer::new();
        let template = computer.template(&template, "copy_of_template.so");
        let installed = computer.install(&installed);
        let mut process = computer.process();
        process.capabilities(3);
        process.platform("8.3.25.1286", 0);
        process.load(&template);
        assert_eq!(&process.text("Version"), version);
        assert_eq!(&process.text("TemplateVersion"), template_version);
        assert_eq!(process.text("ModulePath"), installed.display().to_string());
        let module = &process.settings()["Module"];
        assert_eq!(module["Installed"]["State"], "used");
        assert_eq!(module["TemplateFile"], template.display().to_string());
        connect(&mut process);

        // One line in each log, with both versions.
        for module in [
            "copy_of_template".to_owned(),
            format!("licenceaddin-{}", processor()),
        ] {
            let log = computer.log(&module);
            let lines: Vec<_> = log
                .lines()
                .filter(|line| line.contains("instead of"))
                .collect();
            assert_eq!(lines.len(), 1, "{module}: {log}");
            assert!(lines[0].contains(version.as_str()), "{log}");
            assert!(lines[0].contains(template_version.as_str()), "{log}");
        }
        // What the platform said before the first object reached the installed copy.
        let log = computer.log(&format!("licenceaddin-{}", processor()));
        assert!(log.contains("platform 8.3.25.1286"), "{log}");

        process.end();
        assert!(process.exit());
    }
}

/// Beside the library for another processor there is no server for it.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_installed_component_takes_the_seat_and_opens_the_object() {
    use licence::{
        host::Value,
        scene::{Scene, session},
    };

    let scene = Scene::new(1);
    let file = scene.root().join("object.bin");
    fs::write(&file, "a data processor").unwrap();
    let datafile = fs::read(scene.pack(&file, "Расчет")).unwrap();
    let (_, other) = versions();

    let computer = Computer::new();
    let template = computer.template(&addin_library(), "copy.so");
    let installed = computer.install(&other_addin_library());
    let (data, out) = (
        computer.path("templates/objects.datafile"),
        computer.path("home/user/opened"),
    );
    fs::write(&data, datafile).unwrap();
    let mut process = computer.process();
    process.capabilities(3);
    process.platform("8.3.25.1286", 0);
    process.load(&template);
    process.set("ServerAddr", "127.0.0.1".into());
    process.set("ServerPort", Value::Int(scene.port().into()));
    let text = |path: &Path| Value::from(path.to_str().unwrap());
    process.must("LoadDataFile", &[text(&data)]);
    process.must("SetSession", &session(5));
    process.must("Connect", &[]);
    process.must("ObtainLicence", &[]);
    process.must("GetObjectToFile", &["Расчет".into(), text(&out)]);
    assert_eq!(fs::read_to_string(&out).unwrap(), "a data processor");
    let connections = scene.api("/api/connections").1.to_string();
    assert!(
        connections.contains(&installed.display().to_string()),
        "{connections}"
    );
    assert!(connections.contains(&other), "{connections}");
    process.end();
    scene.wait_for_sessions(0);
    assert!(process.exit());
}

#[test]
fn two_copies_of_two_templates_work_side_by_side() {
    let (own, other) = versions();
    let computer = Computer::new();
    let first = computer.template(&addin_library(), "first.so");
    let second = computer.template(&other_addin_library(), "second.so");
    let mut process = computer.process();
    process.load(&first);
    process.set("ServerAddr", "of-first".into());
    connect(&mut process);
    process.load(&second);
    process.set("ServerAddr", "of-second".into());
    connect(&mut process);
    assert_eq!(process.text("Version"), other);
    assert_eq!(process.text("ServerAddr"), "of-second");
    // Each has a log of its own.
    assert!(computer.log("first").contains(&own));
    assert!(computer.log("second").contains(&other));
    process.end();
    assert_eq!(process.text("Version"), own);
    assert_eq!(process.text("ServerAddr"), "of-first");
    process.end();
    assert!(process.exit());
}

#[test]
fn two_templates_share_one_installed_component_even_when_its_file_is_replaced_between_them() {
    let (own, other) = versions();
    let computer = Computer::new();
    let first = computer.template(&addin_library(), "first.so");
    let second = computer.template(&addin_library(), "second.so");
    let installed = computer.install(&other_addin_library());
    let mut process = computer.process();
    process.load(&first);
    assert_eq!(process.text("Version"), other);

    computer.install(&addin_library());
    process.load(&second);
    assert_eq!(process.text("Version"), other);
    assert_eq!(process.text("TemplateVersion"), own);
    let count = process.modules(&installed);
    assert_eq!(count, 1);
    connect(&mut process);
    let log = computer.log(&format!("licenceaddin-{}", processor()));
    for name in ["first.so", "second.so"] {
        assert_eq!(log.matches(name).count(), 1, "{log}");
    }
    process.end();
    process.end();
    assert!(process.exit());
}

#[test]
fn the_installed_component_that_1c_attaches_itself_looks_for_no_other() {
    let (own, other) = versions();
    let computer = Computer::new();
    let installed = computer.install(&addin_library());
    let mut process = computer.process();
    process.load(&installed);
    let module = process.settings()["Module"].clone();
    assert_eq!(module["Installed"]["State"], "itself");
    assert_eq!(module["File"], installed.display().to_string());

    // A package may replace the file while the old one is in use, before or after the first object.
    computer.install(&other_addin_library());
    let mut process = computer.process();
    process.load(&installed);
    assert_eq!(process.text("Version"), other);
    computer.install(&addin_library());
    let template = computer.template(&addin_library(), "copy.so");
    process.load(&template);
    assert_eq!(process.text("Version"), other);
    assert_eq!(process.text("TemplateVersion"), own);
    let count = process.modules(&installed);
    assert_eq!(count, 1);
}

#[test]
fn without_an_installed_component_the_template_s_copy_works() {
    let computer = Computer::new();
    let template = computer.template(&addin_library(), "copy.so");
    let mut process = computer.process();
    process.load(&template);
    let module = process.settings()["Module"].clone();
    assert_eq!(module["Installed"]["State"], "absent");
    assert_eq!(module["File"], template.display().to_string());
    assert_eq!(module["TemplateVersion"], module["Version"]);
}

/// Makes an installed component unfit.
type Spoil = fn(&Computer);

#[test]
fn an_installed_component_that_others_could_have_put_there_is_not_used_and_1c_reads_why() {
    let (own, _) = versions();
    let table: &[(&str, Spoil)] = &[
        ("does not belong to the system", |computer| {
            chown(computer.installed(), Some(NOBODY), None).unwrap();
        }),
        ("can be written by others", |computer| {
            chmod(&computer.installed(), 0o775);
        }),
        ("can be written by others", |computer| {
            chmod(&computer.installed(), 0o757);
        }),
        ("does not belong to the system", |computer| {
            chown(computer.path("opt/1C/licence/3.0"), Some(NOBODY), None).unwrap();
        }),
        ("does not belong to the system", |computer| {
            chown(computer.path("opt/1C"), Some(NOBODY), None).unwrap();
        }),
        ("can be written by others", |computer| {
            chmod(&computer.path("opt"), 0o1777);
        }),
        ("is a link", |computer| {
            let real = computer.path("opt/1C/licence/3.0/real.so");
            fs::rename(computer.installed(), &real).unwrap();
            symlink(&real, computer.installed()).unwrap();
        }),
        ("is a link", |computer| {
            let real = computer.path("opt/1C/real");
            fs::rename(computer.path("opt/1C/licence"), &real).unwrap();
            symlink(&real, computer.path("opt/1C/licence")).unwrap();
        }),
        ("Give users the right", |computer| {
            chmod(&computer.installed(), 0o700);
        }),
        ("no library file", |computer| {
            fs::remove_file(computer.installed()).unwrap();
            fs::create_dir(computer.installed()).unwrap();
        }),
        ("cannot be loaded", |computer| {
            fs::write(computer.installed(), b"LicenceAddInMarker\0 and no library").unwrap();
        }),
        ("cannot be loaded", |computer| {
            let whole = fs::read(computer.installed()).unwrap();
            let marker = b"LicenceAddInMarker\0";
            let at = whole
                .windows(marker.len())
                .position(|part| part == marker)
                .unwrap();
            fs::write(computer.installed(), &whole[..at + marker.len()]).unwrap();
        }),
        ("another maker's", |computer| {
            fs::write(computer.installed(), b"").unwrap();
        }),
    ];
    for (number, (reason, spoil)) in table.iter().enumerate() {
        let computer = Computer::new();
        let template = computer.template(&addin_library(), "copy.so");
        computer.install(&other_addin_library());
        spoil(&computer);
        let mut process = computer.process();
        process.load(&template);
        assert_eq!(process.text("Version"), own, "case {number}");
        assert_eq!(process.text("TemplateVersion"), own);
        let module = process.settings()["Module"].clone();
        let installed = &module["Installed"];
        assert_eq!(installed["State"], "refused", "case {number}: {module}");
        let told = installed["Reason"].as_str().unwrap();
        assert!(told.contains(reason), "case {number}: {told}");
        assert_eq!(
            installed["File"],
            computer.installed().display().to_string()
        );
        connect(&mut process);
        let log = computer.log("copy");
        let lines = log.lines().filter(|line| line.contains("is not used"));
        assert_eq!(lines.count(), 1, "case {number}: {log}");
        process.end();
    }
}

#[test]
fn another_maker_s_library_in_our_place_is_never_loaded() {
    let computer = Computer::new();
    let template = computer.template(&addin_library(), "copy.so");
    let proof = computer.path("home/user/it-was-loaded");
    let source = computer.path("foreign.c");
    fs::write(
        &source,
        format!(
            "#include <stdio.h>\n__attribute__((constructor)) static void loaded(void) {{ FILE* f = fopen(\"{}\", \"w\"); if (f) fclose(f); }}\nlong GetClassObject(void) {{ return 0; }}\n",
            proof.display()
        ),
    )
    .unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&computer.installed(), &source])
        .status()
        .unwrap();
    assert!(built.success());
    let library = computer.installed();
    let before = fs::read(&library).unwrap();
    let mut process = computer.process();
    process.load(&template);
    let module = process.settings()["Module"].clone();
    assert_eq!(module["Installed"]["State"], "refused");
    assert!(process.exit());
    assert!(!proof.exists());
    assert_eq!(fs::read(&library).unwrap(), before);
    // The proof is one: whoever loads it leaves it.
    let loader = Command::new("true")
        .env("LD_PRELOAD", &library)
        .uid(NOBODY)
        .status();
    assert!(loader.unwrap().success() && proof.exists());
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
