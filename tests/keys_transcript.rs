//! The commands of a key's life against a real centre and a real token, as an administrator sees them:
//! `tests/transcripts/keys.txt`, to be read as well as run. With `LICENCE_GOLDEN=write` it is written anew.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{fmt::Write, fs, path::Path};

use licence::{
    softhsm::SoftHsm,
    vendor::{Computer, ITN, Vendor},
};

/// What was said so far, with names in place of what each run draws anew.
struct Transcript {
    hsm: SoftHsm,
    names: Vec<(String, &'static str)>,
    text: String,
}

impl Transcript {
    fn name(&mut self, drawn: &str, name: &'static str) {
        assert!(drawn.len() > 3, "{name}: {drawn:?}");
        self.names.push((drawn.to_owned(), name));
    }

    fn run(&mut self, on: &Computer, arguments: &[&str]) -> String {
        let (variable, value) = self.hsm.variable();
        let mut command = on.command(arguments);
        let output = command.env(variable, value).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let root = on.path("");
        let root = root.to_str().unwrap().trim_end_matches('/');
        writeln!(self.text, "$ licenceserver {}", arguments.join(" ")).unwrap();
        self.text += &said.replace(root, "");
        if !output.status.success() {
            writeln!(self.text, "? {}", output.status.code().unwrap()).unwrap();
        }
        self.text.push('\n');
        said
    }

    fn say(&mut self, line: &str) {
        writeln!(self.text, "# {line}\n").unwrap();
    }

    fn named(&self) -> String {
        let names = self.names.iter();
        let text = names.fold(self.text.clone(), |text, (drawn, name)| {
            text.replace(drawn, name)
        });
        without_days(&text)
    }
}

/// Days are those of the run.
fn without_days(text: &str) -> String {
    const DAY: &str = "2026-01-31";
    let is_day = |text: &str| {
        text.len() == DAY.len()
            && text
                .chars()
                .zip(DAY.chars())
                .all(|(one, day)| one == day || (one.is_ascii_digit() && day.is_ascii_digit()))
    };
    let words = text.split_inclusive([' ', '\n']);
    let words = words.map(|word| {
        let day = word.get(..DAY.len()).filter(|word| is_day(word));
        day.map_or_else(|| word.to_owned(), |day| word.replacen(day, DAY, 1))
    });
    words.collect()
}

fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    name.trim().to_owned()
}

fn last_word(said: &str) -> String {
    said.trim().rsplit(' ').next().unwrap().to_owned()
}

/// The vendor answers a file.
fn answer(vendor: &Vendor, computer: &Computer, file: &str, out: &str) {
    let [file, out] = [file, out].map(|name| computer.path(name));
    let files = [file, out].map(|path| path.to_str().unwrap().to_owned());
    vendor.centre(&["answer", &files[0], "--out", &files[1]]);
}

#[test]
fn the_commands_of_a_keys_life_answer_as_the_transcript_says() {
    let mut vendor = Vendor::new();
    vendor.start(&[]);
    let (app, other) = (vendor.computer("app"), vendor.computer("other"));
    let mut told = Transcript {
        hsm: SoftHsm::new(&app.path("")),
        names: Vec::new(),
        text: String::new(),
    };
    let centre = format!("LicenceCenterUrl={}\n", vendor.url());
    app.set(&(centre + &told.hsm.section()));
    let code = vendor.code(5);
    told.name(&code, "AAAA-AAAA-AAAA-AAAA-AAAA");
    told.name(vendor.url(), "http://127.0.0.1:9098");
    for place in ["the computer {} on", "another computer, {},"] {
        told.names.push((place.replace("{}", &host_name()), place));
    }

    told.say("A code becomes a licence; once more it is the same licence, and elsewhere none.");
    let activate = ["activate", &code, "--itn", ITN];
    told.run(&app, &activate);
    told.run(&app, &activate);
    told.run(&other, &activate);
    told.run(&app, &["update"]);

    told.say("The key goes to another computer.");
    let reserved = told.run(&app, &["reserve", "1000001"]);
    let reserve_code = last_word(&reserved);
    told.name(&reserve_code, "BBBB-BBBB-BBBB-BBBB-BBBB");
    told.run(&app, &["reserve", "1000001"]);
    told.run(&other, &["activate", &reserve_code, "--itn", ITN]);
    told.run(&app, &["reserve", "1000001", "--serie", "0001"]);
    told.say("The vendor allows one move a year.");
    told.run(&other, &["reserve", "1000001"]);

    told.say("A code is activated on a token, renewed there, and comes back to the computer.");
    let _token = told.hsm.make("Token");
    let listed = told.run(&app, &["carriers"]);
    let number = listed.split('\t').next().unwrap().to_owned();
    let serial = listed.rsplit_once('(').unwrap().1;
    told.name(serial.split(')').next().unwrap(), "SERIAL");
    told.name(&number, "123456789");
    let second = vendor.code(3);
    told.name(&second, "CCCC-CCCC-CCCC-CCCC-CCCC");
    told.run(
        &app,
        &["activate", &second, "--itn", ITN, "--blank", &number],
    );
    told.run(&app, &["carriers"]);
    told.run(&app, &["update"]);
    let reserved = told.run(&app, &["reserve", "1000002"]);
    let reserve_code = last_word(&reserved);
    told.name(&reserve_code, "DDDD-DDDD-DDDD-DDDD-DDDD");
    told.run(&app, &["carriers"]);
    told.run(&app, &["activate", &reserve_code, "--itn", ITN]);

    told.say("Without a network: the request goes to the vendor, and his answer comes back; giving the key back likewise.");
    let third = vendor.code(2);
    told.name(&third, "EEEE-EEEE-EEEE-EEEE-EEEE");
    let offline = ["activate", &third, "--itn", ITN, "--offline", "my.request"];
    told.run(&app, &offline);
    answer(&vendor, &app, "my.request", "my.answer");
    told.run(&app, &["install", "my.answer"]);
    told.run(&app, &["install", "my.answer"]);
    told.run(&app, &["reserve", "1000003", "--offline", "my.release"]);
    answer(&vendor, &app, "my.release", "taken.answer");
    let taken = told.run(&app, &["install", "taken.answer"]);
    told.name(&last_word(&taken), "FFFF-FFFF-FFFF-FFFF-FFFF");

    told.say("All of it in one file, and back; on another computer its licences stay behind.");
    fs::write(app.path("phrase"), "many words\n").unwrap();
    let phrase = ["--passphrase-file", "phrase"];
    told.run(&app, &[&["backup", "my.backup"], &phrase[..]].concat());
    told.run(&app, &[&["restore", "my.backup"], &phrase[..]].concat());
    let empty = vendor.computer("empty");
    for name in ["phrase", "my.backup"] {
        fs::copy(app.path(name), empty.path(name)).unwrap();
    }
    told.run(&empty, &[&["restore", "my.backup"], &phrase[..]].concat());

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/keys.txt");
    let said = told.named();
    if std::env::var_os("LICENCE_GOLDEN").is_some_and(|value| value == "write") {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &said).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap();
    assert!(
        said == expected,
        "it differs from {}:\n{said}",
        file.display()
    );
}
