//! The computer and the process.

use protocol::Version;
use serde::Serialize;
use utoipa::ToSchema;

use super::time::iso;
use crate::server::Server;

/// What there is to know of the server.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ServerInfo {
    /// The server's computer
    pub computer_name: String,
    /// Its IPv4 addresses
    #[serde(rename = "LocalIP")]
    pub local_ip: String,
    /// Windows or Linux
    #[serde(rename = "OSType")]
    pub os_type: String,
    /// The system
    #[serde(rename = "OSVersion")]
    pub os_version: String,
    /// The server's program
    pub module_name: String,
    /// The process's number
    #[serde(rename = "PID")]
    pub pid: u32,
    /// i386 or x86_64
    #[serde(rename = "CPU")]
    pub cpu: String,
    /// The server's version
    pub version: String,
    /// When it was started, UTC
    pub started: Option<String>,
    /// Names the computer
    #[serde(rename = "ComputerID")]
    pub computer_id: String,
}

impl Server {
    /// The computer and the process.
    pub fn read_serverinfo(&self) -> ServerInfo {
        describe(self)
    }
}

fn describe(server: &Server) -> ServerInfo {
    let computer = &server.keys.computer;
    ServerInfo {
        computer_name: computer.name.clone(),
        local_ip: local_ip(),
        os_type: if cfg!(windows) { "Windows" } else { "Linux" }.into(),
        os_version: computer.os_version.clone(),
        module_name: std::env::current_exe()
            .map_or_else(|_| String::new(), |path| path.display().to_string()),
        pid: std::process::id(),
        cpu: if cfg!(target_arch = "x86") {
            "i386"
        } else {
            std::env::consts::ARCH
        }
        .into(),
        version: Version::CURRENT.to_string(),
        started: iso(server.started),
        computer_id: computer.id.clone(),
    }
}

fn local_ip() -> String {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let addresses = interfaces
        .iter()
        .filter(|interface| !interface.is_loopback());
    let texts: Vec<String> = addresses
        .map(if_addrs::Interface::ip)
        .filter(|ip| ip.is_ipv4())
        .map(|ip| ip.to_string())
        .collect();
    texts.join(",")
}
