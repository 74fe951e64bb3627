//! What tests ask of the REST API of a scene's server.

use std::time::{Duration, Instant};

use super::{PATIENCE, Scene};

impl Scene {
    /// What `GET path` of the REST API answers to the default administrator: the status and the JSON.
    ///
    /// # Panics
    /// When nothing answers, or something else than JSON.
    #[must_use]
    pub fn api(&self, path: &str) -> (u16, serde_json::Value) {
        self.api_as(path, "admin", "admin")
    }

    /// The same with another password.
    ///
    /// # Panics
    /// As [`Scene::api`].
    #[must_use]
    pub fn api_as(&self, path: &str, user: &str, password: &str) -> (u16, serde_json::Value) {
        let sign_in = data_encoding::BASE64.encode(format!("{user}:{password}").as_bytes());
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build()
            .into();
        let mut answer = agent
            .get(format!("http://127.0.0.1:{}{path}", self.port()))
            .header("Authorization", format!("Basic {sign_in}"))
            .call()
            .expect("the API answers");
        let body = answer
            .body_mut()
            .read_to_string()
            .expect("the answer is text");
        let json =
            serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error} in {body}"));
        (answer.status().as_u16(), json)
    }

    /// The page at that address of the console, as the default administrator sees it.
    ///
    /// # Panics
    /// When the console does not answer.
    #[must_use]
    pub fn page(&self, path: &str) -> String {
        let sign_in = data_encoding::BASE64.encode(b"admin:admin");
        let answer = ureq::get(format!("http://127.0.0.1:{}{path}", self.port()))
            .header("Authorization", format!("Basic {sign_in}"))
            .call();
        let mut answer = answer.expect("the console answers");
        let body = answer.body_mut().read_to_string();
        body.expect("the page is text")
    }

    /// What `POST path` with that body answers to the default administrator.
    ///
    /// # Panics
    /// As [`Scene::api`].
    #[must_use]
    pub fn post(&self, path: &str, body: &serde_json::Value) -> (u16, serde_json::Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build()
            .into();
        let mut answer = agent
            .post(format!("http://127.0.0.1:{}{path}", self.port()))
            .header("Authorization", "Basic YWRtaW46YWRtaW4=")
            .content_type("application/json")
            .send(body.to_string())
            .expect("the API answers");
        let text = answer.body_mut().read_to_string();
        let text = text.expect("the answer is text");
        let json =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error} in {text}"));
        (answer.status().as_u16(), json)
    }

    /// How many sessions the API lists.
    ///
    /// # Panics
    /// As [`Scene::api`].
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.api("/api/sessions").1["Sessions"]
            .as_array()
            .map_or(0, Vec::len)
    }

    /// Waits until the API lists so many sessions.
    ///
    /// # Panics
    /// When that does not come.
    pub fn wait_for_sessions(&self, count: usize) {
        let start = Instant::now();
        while self.sessions() != count {
            assert!(
                start.elapsed() < PATIENCE,
                "{} sessions instead of {count}",
                self.sessions()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
