//! A real Chromium, driven over WebDriver: a dozen JSON calls, so the HTTP client that is here already does.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::scene::PATIENCE;

/// The key that names an element in WebDriver's answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What kind of browser is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The language that it asks pages for.
    pub lang: &'static str,
    /// The window's width and height.
    pub size: (u32, u32),
    /// Whether scripts of pages run.
    pub scripts: bool,
    /// Whether the person likes it dark.
    pub dark: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            lang: "ru",
            size: (1366, 768),
            scripts: true,
            dark: false,
        }
    }
}

/// A browser with a profile of its own; ended when dropped.
#[derive(Debug)]
pub struct Browser {
    driver: Child,
    session: String,
    agent: ureq::Agent,
    /// The address before each path.
    site: String,
    /// Where pictures go.
    pictures: PathBuf,
    // Kept open, so that the driver's later lines go somewhere.
    _output: BufReader<ChildStdout>,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends its browser with the session; either may have ended by itself.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Browser {
    /// Starts a browser for the server at that port. Pictures go into that folder.
    ///
    /// # Panics
    /// When chromedriver or Chromium is not installed, or does not start.
    #[must_use]
    pub fn start(port: u16, pictures: PathBuf, wanted: Wanted) -> Self {
        fs::create_dir_all(&pictures).expect("a folder can be made");
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed (Debian: chromium-driver)");
        let mut output = BufReader::new(driver.stdout.take().expect("its output was asked for"));
        let mut line = String::new();
        let own = loop {
            line.clear();
            let read = output.read_line(&mut line).expect("its output is text");
            assert!(read > 0, "chromedriver ended");
            if let Some((_, rest)) = line.split_once("successfully on port ") {
                break rest.trim().trim_end_matches('.').to_owned();
            }
        };
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE * 2))
            .build()
            .into();
        let mut browser = Self {
            driver,
            session: format!("http://127.0.0.1:{own}/session"),
            agent,
            site: format!("http://127.0.0.1:{port}"),
            pictures,
            _output: output,
        };
        let answer = browser.post(
            "",
            &json!({ "capabilities": { "alwaysMatch": capabilities(wanted) } }),
        );
        let id = answer["sessionId"].as_str().expect("a session has an id");
        browser.session = format!("{}/{id}", browser.session);
        let scheme = if wanted.dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let emulated =
            json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } });
        browser.post("/goog/cdp/execute", &emulated);
        browser
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let mut answer = self
            .agent
            .post(format!("{}{path}", self.session))
            .content_type("application/json")
            .send(body.to_string())
            .expect("chromedriver answers");
        value(
            &answer
                .body_mut()
                .read_to_string()
                .expect("the answer is text"),
        )
    }

    fn get(&self, path: &str) -> Value {
        let mut answer = self
            .agent
            .get(format!("{}{path}", self.session))
            .call()
            .expect("chromedriver answers");
        value(
            &answer
                .body_mut()
                .read_to_string()
                .expect("the answer is text"),
        )
    }

    /// Goes to a page.
    ///
    /// # Panics
    /// When the browser does not answer, as every other call.
    pub fn go(&self, path: &str) {
        let url = format!("{}{path}", self.site);
        let answer = self.post("/url", &json!({ "url": url }));
        assert!(answer.is_null(), "{path}: {answer}");
    }

    /// The path and the query of the page.
    #[must_use]
    pub fn here(&self) -> String {
        let url = self.get("/url");
        let url = url.as_str().expect("an address is text");
        url.strip_prefix(&self.site).unwrap_or(url).to_owned()
    }

    /// The page's source as it is now.
    #[must_use]
    pub fn source(&self) -> String {
        let source = self.get("/source");
        source.as_str().expect("a source is text").to_owned()
    }

    fn find(&self, css: &str) -> Option<String> {
        let found = self.post(
            "/element",
            &json!({ "using": "css selector", "value": css }),
        );
        found[ELEMENT].as_str().map(str::to_owned)
    }

    fn element(&self, css: &str) -> String {
        self.until(&format!("no {css}"), || self.find(css))
    }

    /// Whether the page has such an element.
    #[must_use]
    pub fn has(&self, css: &str) -> bool {
        self.find(css).is_some()
    }

    /// The text of the first such element.
    #[must_use]
    pub fn text(&self, css: &str) -> String {
        let element = self.element(css);
        let text = self.get(&format!("/element/{element}/text"));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Clicks the first such element.
    pub fn click(&self, css: &str) {
        let element = self.element(css);
        let answer = self.post(&format!("/element/{element}/click"), &json!({}));
        assert!(answer.is_null(), "{css}: {answer}");
    }

    /// Writes a text into the first such field, instead of what is there.
    pub fn write(&self, css: &str, text: &str) {
        let element = self.element(css);
        if !css.contains("file") {
            self.post(&format!("/element/{element}/clear"), &json!({}));
        }
        let answer = self.post(
            &format!("/element/{element}/value"),
            &json!({ "text": text }),
        );
        assert!(answer.is_null(), "{css}: {answer}");
    }

    /// Runs a script in the page, and returns what it returns.
    #[must_use]
    pub fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The same with a script that calls its last argument when it is done.
    #[must_use]
    pub fn run_async(&self, script: &str) -> Value {
        self.post("/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// Waits until the page's text has these words.
    pub fn wait_for(&self, words: &str) {
        let text = || self.text("body");
        self.until(&format!("'{words}' does not come: {}", text()), || {
            text().contains(words).then_some(())
        });
    }

    /// Waits until the page's text has these words no more.
    pub fn wait_without(&self, words: &str) {
        self.until(&format!("'{words}' does not go"), || {
            (!self.text("body").contains(words)).then_some(())
        });
    }

    fn until<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}, at {}", self.here());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Signs in at the console.
    pub fn sign_in(&self, user: &str, password: &str) {
        self.go("/sign-in");
        self.write("[name=user]", user);
        self.write("[name=password]", password);
        self.click("main button");
    }

    /// Keeps a picture of the page.
    pub fn picture(&self, name: &str) {
        let png = self.get("/screenshot");
        let png = png.as_str().expect("a picture is text in base64");
        let png = data_encoding::BASE64
            .decode(png.as_bytes())
            .expect("it is base64");
        fs::write(self.pictures.join(format!("{name}.png")), png).expect("the folder is writable");
    }
}

fn capabilities(wanted: Wanted) -> Value {
    let (width, height) = wanted.size;
    let mut options = json!({
        "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
            format!("--window-size={width},{height}"),
        ],
        "prefs": {
            "intl.accept_languages": wanted.lang,
            "profile.managed_default_content_settings.javascript": if wanted.scripts { 1 } else { 2 },
        },
    });
    if width < 600 {
        // A window is never so narrow; a telephone is.
        options["mobileEmulation"] =
            json!({ "deviceMetrics": { "width": width, "height": height, "pixelRatio": 1.0 } });
    }
    json!({ "browserName": "chrome", "goog:chromeOptions": options })
}

/// What is in an answer; an error as the object that tells it.
fn value(text: &str) -> Value {
    let answer: Value =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"));
    answer["value"].clone()
}
