//! GET /api/serverinfo: the computer and the process.

use std::sync::Arc;

use axum::{Json, extract::State};
use protocol::Version;
use serde::Serialize;

use super::time::iso;
use crate::server::Server;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ServerInfo {
    computer_name: String,
    #[serde(rename = "LocalIP")]
    local_ip: String,
    #[serde(rename = "OSType")]
    os_type: &'static str,
    #[serde(rename = "OSVersion")]
    os_version: String,
    module_name: String,
    #[serde(rename = "PID")]
    pid: u32,
    #[serde(rename = "CPU")]
    cpu: &'static str,
    version: String,
    started: Option<String>,
    #[serde(rename = "ComputerID")]
    computer_id: String,
}

pub(super) async fn get(State(server): State<Arc<Server>>) -> Json<ServerInfo> {
    Json(describe(&server))
}

/// The same as JSON text, for a component that asks.
pub fn serverinfo_json(server: &Server) -> String {
    serde_json::to_string(&describe(server)).unwrap_or_default()
}

fn describe(server: &Server) -> ServerInfo {
    let computer = &server.keys.computer;
    ServerInfo {
        computer_name: computer.name.clone(),
        local_ip: local_ip(),
        os_type: if cfg!(windows) { "Windows" } else { "Linux" },
        os_version: computer.os_version.clone(),
        module_name: std::env::current_exe()
            .map_or_else(|_| String::new(), |path| path.display().to_string()),
        pid: std::process::id(),
        cpu: if cfg!(target_arch = "x86") {
            "i386"
        } else {
            std::env::consts::ARCH
        },
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
