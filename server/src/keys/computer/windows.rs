//! The facts of a Windows computer, from the registry.

use protocol::binding::{Fact, FactKind};
use windows_registry::LOCAL_MACHINE;

use super::usable;

fn value(key: &str, name: &str) -> Option<String> {
    usable(&LOCAL_MACHINE.open(key).ok()?.get_string(name).ok()?)
}

pub(super) fn facts() -> Vec<Fact> {
    let facts = [
        (
            FactKind::MachineId,
            value(r"SOFTWARE\Microsoft\Cryptography", "MachineGuid"),
        ),
        // The name of the hardware configuration is the firmware's UUID.
        (
            FactKind::DmiUuid,
            value(r"SYSTEM\HardwareConfig", "LastConfig"),
        ),
        (
            FactKind::CpuModel,
            value(
                r"HARDWARE\DESCRIPTION\System\CentralProcessor\0",
                "ProcessorNameString",
            ),
        ),
    ];
    facts
        .into_iter()
        .filter_map(|(kind, value)| {
            Some(Fact {
                kind,
                value: value?,
            })
        })
        .collect()
}

pub(super) fn name() -> String {
    value(
        r"SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName",
        "ComputerName",
    )
    .unwrap_or_default()
}

pub(super) fn os_version() -> String {
    let key = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
    let number = |name: &str| LOCAL_MACHINE.open(key).ok()?.get_u32(name).ok();
    let build = value(key, "CurrentBuild").unwrap_or_else(|| "0".into());
    let version = match (
        number("CurrentMajorVersionNumber"),
        number("CurrentMinorVersionNumber"),
    ) {
        (Some(major), Some(minor)) => format!("{major}.{minor}"),
        _ => value(key, "CurrentVersion").unwrap_or_default(),
    };
    let name = value(key, "ProductName").unwrap_or_else(|| "Windows".into());
    // The edition is not in the manual's sample: "Windows 10 10.0.16299 (x86_64)".
    let name: Vec<&str> = name.split(' ').take(2).collect();
    let cpu = if value(
        r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment",
        "PROCESSOR_ARCHITECTURE",
    )
    .is_some_and(|cpu| cpu.eq_ignore_ascii_case("x86"))
    {
        "i386"
    } else {
        "x86_64"
    };
    format!("{} {version}.{build} ({cpu})", name.join(" "))
}
