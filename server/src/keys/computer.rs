//! The facts of this computer that bind a software licence, and the id that names it.

use std::{fs, path::Path};

use protocol::binding::{Fact, FactKind};
use sha2::{Digest, Sha256};

/// The variable by which an administrator gives a container or cloud machine its id.
const EXPLICIT_VARIABLE: &str = "LICENCE_MACHINE_ID";

/// All facts that can be read without asking for more rights; with root more of the firmware's are readable.
pub fn facts(data: &Path) -> Vec<Fact> {
    let explicit = std::env::var(EXPLICIT_VARIABLE)
        .ok()
        .or_else(|| read(&data.join("machine-id")));
    let mut facts: Vec<Fact> = explicit
        .map(|value| Fact {
            kind: FactKind::ExplicitId,
            value,
        })
        .into_iter()
        .chain(system::facts())
        .filter(|fact| is_telling(&fact.value))
        .collect();
    facts.sort();
    facts.dedup();
    facts.truncate(protocol::binding::MAX_FACTS);
    facts
}

/// 40 upper-case hex digits over the explicit id, or else the machine id and the firmware's UUID.
pub fn computer_id(facts: &[Fact]) -> String {
    let of = |kinds: &[FactKind]| -> Vec<&Fact> {
        facts
            .iter()
            .filter(|fact| kinds.contains(&fact.kind))
            .collect()
    };
    let mut named = of(&[FactKind::ExplicitId]);
    if named.is_empty() {
        named = of(&[FactKind::MachineId, FactKind::DmiUuid]);
    }
    let mut hasher = Sha256::new();
    hasher.update(b"licence-computer-v1\0");
    for fact in named {
        hasher.update([fact.kind as u8]);
        hasher.update(fact.value.trim().to_uppercase());
        hasher.update([0]);
    }
    data_encoding::HEXUPPER.encode(&hasher.finalize()[..20])
}

/// Makers leave placeholders where they wrote no number; they bind nothing.
fn is_telling(value: &str) -> bool {
    let value = value.trim().to_lowercase();
    !value.is_empty()
        && value
            .chars()
            .any(|letter| letter.is_alphanumeric() && letter != '0')
        && ![
            "to be filled by o.e.m.",
            "default string",
            "none",
            "not specified",
            "system serial number",
        ]
        .contains(&value.as_str())
}

fn read(path: &Path) -> Option<String> {
    let bytes = protocol::files::read_limited(path, 4096).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim().to_owned())
}

#[cfg(target_os = "linux")]
mod system {
    use super::*;

    pub(super) fn facts() -> Vec<Fact> {
        let file = |kind, path: &str| read(Path::new(path)).map(|value| Fact { kind, value });
        let mut facts: Vec<Fact> = [
            file(FactKind::MachineId, "/etc/machine-id")
                .or_else(|| file(FactKind::MachineId, "/var/lib/dbus/machine-id")),
            file(FactKind::DmiUuid, "/sys/class/dmi/id/product_uuid"),
            file(FactKind::BoardSerial, "/sys/class/dmi/id/board_serial"),
            cpu_model().map(|value| Fact {
                kind: FactKind::CpuModel,
                value,
            }),
            system_disk().map(|value| Fact {
                kind: FactKind::DiskSerial,
                value,
            }),
        ]
        .into_iter()
        .flatten()
        .collect();
        facts.extend(cards().into_iter().map(|value| Fact {
            kind: FactKind::Mac,
            value,
        }));
        facts
    }

    fn cpu_model() -> Option<String> {
        let text = fs::read_to_string("/proc/cpuinfo").ok()?;
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        line.split_once(':')
            .map(|(_, value)| value.trim().to_owned())
    }

    /// The serial number of the disk that holds `/`.
    fn system_disk() -> Option<String> {
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let device = mounts.lines().find_map(|line| {
            let mut words = line.split(' ');
            let device = words.next()?;
            (words.next()? == "/")
                .then(|| device.strip_prefix("/dev/"))
                .flatten()
        })?;
        let block = fs::canonicalize(format!("/sys/class/block/{device}")).ok()?;
        let disk = if block.join("partition").exists() {
            block.parent()?
        } else {
            &block
        };
        read(&disk.join("device/serial")).or_else(|| read(&disk.join("serial")))
    }

    /// Addresses of cards that are hardware: those have a device behind them, bridges and tunnels have none.
    fn cards() -> Vec<String> {
        let Ok(entries) = fs::read_dir("/sys/class/net") else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter(|entry| entry.path().join("device").exists())
            .filter_map(|entry| read(&entry.path().join("address")))
            .collect()
    }
}

#[cfg(windows)]
mod system {
    use super::*;

    pub(super) fn facts() -> Vec<Fact> {
        let value = |kind, path: &str, name: &str| {
            let value = windows_registry::LOCAL_MACHINE
                .open(path)
                .ok()?
                .get_string(name)
                .ok()?;
            Some(Fact { kind, value })
        };
        [
            value(
                FactKind::MachineId,
                r"SOFTWARE\Microsoft\Cryptography",
                "MachineGuid",
            ),
            value(
                FactKind::DmiUuid,
                r"SYSTEM\CurrentControlSet\Control\SystemInformation",
                "ComputerHardwareId",
            ),
            value(
                FactKind::BoardSerial,
                r"HARDWARE\DESCRIPTION\System\BIOS",
                "BaseBoardProduct",
            ),
            value(
                FactKind::CpuModel,
                r"HARDWARE\DESCRIPTION\System\CentralProcessor\0",
                "ProcessorNameString",
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(not(any(target_os = "linux", windows)))]
mod system {
    pub(super) fn facts() -> Vec<super::Fact> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explicit_id_names_the_computer_alone_and_placeholders_bind_nothing() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join("machine-id"), "shop-7\n").unwrap();
        let facts = facts(data.path());
        assert!(facts.contains(&Fact {
            kind: FactKind::ExplicitId,
            value: "shop-7".into()
        }));
        let alone = [Fact {
            kind: FactKind::ExplicitId,
            value: "shop-7".into(),
        }];
        assert_eq!(computer_id(&facts), computer_id(&alone));
        assert_eq!(computer_id(&facts).len(), 40);
        assert!(
            !is_telling("To be filled by O.E.M.")
                && !is_telling("00:00:00:00:00:00")
                && is_telling("S3Z8")
        );
    }
}
