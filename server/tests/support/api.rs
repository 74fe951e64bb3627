//! What the API of a server that runs answers.

#![allow(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use crate::running::Running;

impl Running {
    /// The JSON that the API answers.
    pub(crate) fn get(&self, path: &str) -> serde_json::Value {
        let (head, body) = self.ask("GET", path);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
    }

    /// The head and the body of what it answers to a method.
    pub(crate) fn ask(&self, method: &str, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.into(), body.into())
    }
}
