//! The facts of a Linux computer, from /etc, /proc and /sys.

use std::{fs, path::PathBuf};

use protocol::binding::{Fact, FactKind};

use super::usable;

fn line(path: &str) -> Option<String> {
    usable(&fs::read_to_string(path).ok()?)
}

pub(super) fn facts() -> Vec<Fact> {
    let single = [
        (
            FactKind::MachineId,
            line("/etc/machine-id").or_else(|| line("/var/lib/dbus/machine-id")),
        ),
        (FactKind::DmiUuid, line("/sys/class/dmi/id/product_uuid")),
        (
            FactKind::BoardSerial,
            line("/sys/class/dmi/id/board_serial"),
        ),
        (FactKind::CpuModel, cpu_model()),
        (FactKind::DiskSerial, disk_serial()),
    ];
    let single = single
        .into_iter()
        .filter_map(|(kind, value)| Some((kind, value?)));
    single
        .chain(macs().map(|mac| (FactKind::Mac, mac)))
        .map(|(kind, value)| Fact { kind, value })
        .collect()
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let model = text.lines().find(|line| line.starts_with("model name"))?;
    usable(model.split_once(':')?.1)
}

/// The serial number of the disk that holds `/`, as far as the kernel tells.
fn disk_serial() -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let root = mounts
        .lines()
        .find(|line| line.split(' ').nth(4) == Some("/"))?;
    let device = fs::canonicalize(format!("/sys/dev/block/{}", root.split(' ').nth(2)?)).ok()?;
    // A partition lies in the folder of its disk.
    let disk: PathBuf = if device.join("partition").exists() {
        device.parent()?.into()
    } else {
        device
    };
    ["serial", "device/serial", "wwid", "device/wwid"]
        .iter()
        .find_map(|name| usable(&fs::read_to_string(disk.join(name)).ok()?))
}

/// The addresses of network cards that are devices; bridges, tunnels and containers' pairs are not.
fn macs() -> impl Iterator<Item = String> {
    fs::read_dir("/sys/class/net")
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().join("device").exists())
        .filter_map(|entry| {
            usable(
                &fs::read_to_string(entry.path().join("address"))
                    .ok()?
                    .replace(':', "-"),
            )
        })
}

pub(super) fn name() -> String {
    line("/proc/sys/kernel/hostname")
        .or_else(|| line("/etc/hostname"))
        .unwrap_or_default()
}

pub(super) fn os_version() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .map(|name| name.trim_matches('"'));
    let name = name.unwrap_or("Linux");
    // A version in brackets is a code name, and the manual's sample has the processor there.
    let name = name.split(" (").next().unwrap_or(name);
    let kernel = line("/proc/sys/kernel/osrelease")
        .map(|kernel| format!(" {kernel}"))
        .unwrap_or_default();
    let cpu = line("/proc/sys/kernel/arch").unwrap_or_else(|| std::env::consts::ARCH.into());
    format!(
        "{name}{kernel} ({})",
        if cpu == "x86" { "i386" } else { &cpu }
    )
}
