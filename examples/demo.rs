//! The whole story on this computer, told step by step: `demo --epf FILE [--keep]`, run by `./demo`.

use std::{
    env, fs,
    io::{self, Write},
    panic,
    path::PathBuf,
    process::{Command, ExitCode},
    time::Instant,
};

use licence::{
    process::Answer,
    scene::{PATIENCE, SERIES, Scene, asking},
    softhsm::SoftHsm,
    vendor::{ITN, Vendor},
};

/// The object's name in the datafile.
const OBJECT: &str = "ЗащищенныйРасчет";
const SEATS: u32 = 3;

fn main() -> ExitCode {
    // The scene panics when a program fails; who watches the demo wants the sentence.
    panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let sentence = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied());
        eprintln!("demo: this step failed: {}", sentence.unwrap_or_default());
    }));
    match panic::catch_unwind(tell) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("demo: this step failed: {error}");
            ExitCode::FAILURE
        }
        Err(_) => ExitCode::FAILURE,
    }
}

fn tell() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let (mut epf, mut keep) = (None, false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--epf" => epf = arguments.next().map(PathBuf::from),
            "--keep" => keep = true,
            other => {
                return Err(io::Error::other(format!(
                    "unknown option {other}; there are --epf FILE and --keep"
                )));
            }
        }
    }
    let epf = epf.ok_or_else(|| io::Error::other("--epf FILE is missing; ./demo gives it"))?;
    let story = Story {
        begun: Instant::now(),
    };

    story
        .step("a vendor makes series 672B and a licence centre, which issues an activation code")?;
    let mut scene = Scene::bare();
    let mut vendor = Vendor::with_series(scene.vendor());
    vendor.start(&[]);
    let code = vendor.code(SEATS);
    story.note(&format!("the centre answers at {}", vendor.url()))?;
    story.note(&format!("the code for {SEATS} seats: {code}"))?;

    story.step("a customer's server starts and activates the code")?;
    scene.configure(&asking(vendor.url()));
    scene.start();
    let wanted = serde_json::json!({ "ActivationCodeString": code, "ITN": ITN });
    let (status, licence) = scene.post("/api/licences", &wanted);
    if status != 201 {
        return Err(io::Error::other(format!(
            "POST /api/licences answered {status}: {licence}"
        )));
    }
    story.note(&format!(
        "key {} is installed; the server answers at http://127.0.0.1:{}",
        licence["KeyNo"],
        scene.port()
    ))?;

    story.step("the vendor packs an external data processor into a datafile")?;
    let datafile = scene.pack(&epf, OBJECT);
    let (before, after) = (fs::metadata(&epf)?.len(), fs::metadata(&datafile)?.len());
    story.note(&format!("{before} bytes became {after}, encrypted"))?;

    story.step("a 1C process loads the component and takes a seat")?;
    let (mut first, obtained) = scene.client(&datafile, 1);
    expect("ObtainLicence", &obtained)?;

    story.step("the session is in the REST API")?;
    let (status, sessions) = scene.api("/api/sessions");
    let session = &sessions["Sessions"][0];
    if status != 200 || session["KeyID"] != SERIES {
        return Err(io::Error::other(format!(
            "GET /api/sessions answered {status}: {sessions}"
        )));
    }
    story.note(&format!(
        "session {}, user {}, key {}",
        session["SessionNumber"], session["UserName"], session["UsedLicence"]
    ))?;

    story.step("the process opens the protected object")?;
    let out = scene.root().join("out.epf");
    let file = out.display().to_string();
    let written = first.call("GetObjectToFile", &[OBJECT.into(), file.as_str().into()]);
    expect("GetObjectToFile", &written)?;
    if fs::read(&out)? != fs::read(&epf)? {
        return Err(io::Error::other("the object differs from what was packed"));
    }
    story.note("it is the same, bit for bit")?;

    story.step("two more processes take the other seats, and a fourth is refused")?;
    let mut others = Vec::new();
    for number in 2..=SEATS {
        let (process, obtained) = scene.client(&datafile, number);
        expect("ObtainLicence", &obtained)?;
        others.push(process);
    }
    let (mut fourth, refused) = scene.client(&datafile, SEATS + 1);
    if refused.is_true() || refused.code != 302 {
        return Err(io::Error::other(format!(
            "the fourth process was told: {refused:?}"
        )));
    }
    for line in refused.en.lines() {
        story.note(line)?;
    }

    story.step("the first process is killed; its seat comes free by itself")?;
    first.kill();
    let waited = Instant::now();
    while scene.sessions() != SEATS as usize - 1 {
        if waited.elapsed() > PATIENCE {
            return Err(io::Error::other(
                "the killed process's seat did not come free",
            ));
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    story.note(&format!(
        "after {:.1} s (the demo's server waits 3 s for a heartbeat)",
        waited.elapsed().as_secs_f32()
    ))?;
    expect("ObtainLicence", &fourth.call("ObtainLicence", &[]))?;
    story.note("the fourth process has it now")?;

    drop((others, fourth));
    story.step("the key is given back for a reserve code")?;
    let key_no = licence["KeyNo"].to_string();
    let told = run(scene.command("licenceserver").args(["reserve", &key_no]))?;
    story.note(told.trim())?;
    let reserve_code = told.trim().rsplit(' ').next().unwrap_or_default();
    let second = scene.beside();
    second_life(&story, second, &vendor, reserve_code)?;

    story.step("done")?;
    if keep {
        println!(
            "The server stays at http://127.0.0.1:{} (user admin, password admin; try /api/licences).",
            scene.port()
        );
        io::stdout().flush()?;
        scene.leave();
    }
    Ok(())
}

/// The reserve code activates the key on a carrier at a second server; on that computer where there is no carrier.
fn second_life(
    story: &Story,
    mut second: Scene,
    vendor: &Vendor,
    reserve_code: &str,
) -> io::Result<()> {
    let centre = asking(vendor.url());
    let activate = ["activate", reserve_code, "--itn", ITN];
    if !SoftHsm::is_here() {
        story.step("the reserve code activates the key on a second server")?;
        second.configure(&centre);
        let told = run(second.command("licenceserver").args(activate))?;
        story.note(told.trim())?;
        return story.note(
            "left out: the same on a hardware carrier. The token for it is SoftHSM2 (Debian's package softhsm2), which is \
             not installed here.",
        );
    }
    story.step("the reserve code activates the key on a token (SoftHSM2 behind PKCS#11) at a second server")?;
    let hsm = SoftHsm::new(second.root());
    let token = hsm.make("Demo");
    second.set_variable(&hsm.variable());
    second.configure(&(centre + &hsm.section()));
    let told = run(second.command("licenceserver").arg("carriers"))?;
    story.note(told.trim())?;
    let number = told.split('\t').next().unwrap_or_default();
    let on_token = [&activate[..], &["--blank", number]].concat();
    let told = run(second.command("licenceserver").args(on_token))?;
    story.note(told.trim())?;
    second.start();
    let count = || {
        second.api("/api/licences").1["Licences"]
            .as_array()
            .map_or(0, Vec::len)
    };
    let waited = until("the licence on the token did not come", || count() == 1)?;
    story.note(&format!("the second server has it after {waited:.1} s"))?;
    hsm.pull(&token);
    let waited = until("the licence did not go with the token", || count() == 0)?;
    story.note(&format!(
        "the token is pulled out, and the licence gone with it after {waited:.1} s"
    ))
}

/// Waits for something; for how many seconds.
fn until(otherwise: &str, done: impl Fn() -> bool) -> io::Result<f32> {
    let begun = Instant::now();
    while !done() {
        if begun.elapsed() > PATIENCE {
            return Err(io::Error::other(otherwise.to_owned()));
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    Ok(begun.elapsed().as_secs_f32())
}

/// The error of a call that did not return True.
fn expect(method: &str, told: &Answer) -> io::Result<()> {
    if told.is_true() {
        Ok(())
    } else {
        Err(io::Error::other(format!("{method}: {}", told.en)))
    }
}

/// What a program says.
fn run(command: &mut Command) -> io::Result<String> {
    let output = command.output()?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(said.trim().to_owned()))
    }
}

struct Story {
    begun: Instant,
}

impl Story {
    fn step(&self, text: &str) -> io::Result<()> {
        println!("[{:5.1} s] {text}", self.begun.elapsed().as_secs_f32());
        io::stdout().flush()
    }

    fn note(&self, text: &str) -> io::Result<()> {
        println!("           {text}");
        io::stdout().flush()
    }
}
