//! Facts of the computer, as the server's lists show them.

use std::net::IpAddr;

use super::Folders;

/// Local IPv4 addresses with commas, loopback left out.
pub(super) fn local_ip() -> String {
    let addresses: Vec<_> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .filter(|interface| !interface.is_loopback())
        .filter_map(|interface| match interface.ip() {
            IpAddr::V4(address) => Some(address.to_string()),
            IpAddr::V6(_) => None,
        })
        .collect();
    addresses.join(",")
}

/// The process's own bitness, in the manual's words.
pub(super) const fn cpu() -> &'static str {
    if cfg!(target_arch = "x86") {
        "i386"
    } else {
        std::env::consts::ARCH
    }
}

/// Names the computer: the same for every process and user of it, which is why nothing that only root
/// may read goes into it. It is not the ComputerID of the server, which may know more of the computer. An administrator's own id for the computer, the one that the server takes, goes
/// before the system's.
pub(super) fn id(folders: &Folders) -> String {
    let explicit = std::env::var("LICENCE_MACHINE_ID")
        .ok()
        .or_else(|| explicit_id(folders))
        .map(|text| text.trim().to_uppercase())
        .filter(|text| !text.is_empty());
    let fact = explicit
        .or_else(system::machine_id)
        .unwrap_or_else(|| name().to_uppercase());
    let hash = protocol::sha256(format!("licence-seat-computer-v1\0{fact}").as_bytes());
    hash[..20]
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect()
}

/// The file beside the server's keys.
fn explicit_id(folders: &Folders) -> Option<String> {
    let file = folders.common.parent()?.join("data/machine-id");
    String::from_utf8(protocol::files::read_limited(&file, 4096).ok()?).ok()
}

/// The computer's name.
pub(super) fn name() -> String {
    system::name().unwrap_or_else(|| "localhost".into())
}

/// As "Debian GNU/Linux 12 6.1.0-13-amd64 (x86_64)" or "Windows 10 10.0.16299 (x86_64)".
pub(super) fn os_version() -> String {
    format!("{} ({})", system::os(), system::machine())
}

#[cfg(unix)]
mod system {
    use std::path::Path;

    fn line(path: &str) -> Option<String> {
        let bytes = protocol::files::read_limited(Path::new(path), 64 * 1024);
        // Files of /proc are regular ones; what is no text is of no use.
        let text = String::from_utf8(bytes.ok()?).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    pub(super) fn machine_id() -> Option<String> {
        line("/etc/machine-id")
            .or_else(|| line("/var/lib/dbus/machine-id"))
            .map(|id| id.to_uppercase())
    }

    pub(super) fn name() -> Option<String> {
        line("/proc/sys/kernel/hostname").or_else(|| line("/etc/hostname"))
    }

    pub(super) fn os() -> String {
        let release = line("/etc/os-release")
            .or_else(|| line("/usr/lib/os-release"))
            .unwrap_or_default();
        let name = super::os_name(&release).unwrap_or_else(|| "Linux".into());
        match line("/proc/sys/kernel/osrelease") {
            Some(kernel) => format!("{name} {kernel}"),
            None => name,
        }
    }

    pub(super) fn machine() -> String {
        line("/proc/sys/kernel/arch").unwrap_or_else(|| {
            // A 32-bit process on a kernel that does not tell: the loader of the other one gives it away.
            if Path::new("/lib64/ld-linux-x86-64.so.2").exists() {
                "x86_64".into()
            } else {
                super::cpu().into()
            }
        })
    }
}

#[cfg(windows)]
mod system {
    use windows_registry::LOCAL_MACHINE;

    fn value(key: &str, name: &str) -> Option<String> {
        let key = LOCAL_MACHINE.open(key).ok()?;
        key.get_string(name).ok().filter(|text| !text.is_empty())
    }

    pub(super) fn machine_id() -> Option<String> {
        value(r"SOFTWARE\Microsoft\Cryptography", "MachineGuid").map(|id| id.to_uppercase())
    }

    pub(super) fn name() -> Option<String> {
        value(
            r"SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName",
            "ComputerName",
        )
    }

    pub(super) fn os() -> String {
        const KEY: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
        let product = value(KEY, "ProductName").unwrap_or_else(|| "Windows".into());
        let build = value(KEY, "CurrentBuildNumber").unwrap_or_default();
        let number = |name| {
            let key = LOCAL_MACHINE.open(KEY).ok()?;
            key.get_u32(name).ok()
        };
        match (
            number("CurrentMajorVersionNumber"),
            number("CurrentMinorVersionNumber"),
        ) {
            (Some(major), Some(minor)) => format!("{product} {major}.{minor}.{build}"),
            // Before Windows 10 there is one text.
            _ => format!(
                "{product} {}.{build}",
                value(KEY, "CurrentVersion").unwrap_or_default()
            ),
        }
    }

    pub(super) fn machine() -> String {
        let machine = value(
            r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment",
            "PROCESSOR_ARCHITECTURE",
        );
        match machine.as_deref() {
            Some("AMD64") => "x86_64".into(),
            Some("ARM64") => "aarch64".into(),
            Some(_) => "i386".into(),
            None => super::cpu().into(),
        }
    }
}

/// The name of a Linux from its os-release: NAME and VERSION_ID.
#[cfg(any(unix, test))]
fn os_name(release: &str) -> Option<String> {
    let field = |name: &str| {
        release.lines().find_map(|line| {
            let value = line.trim().strip_prefix(name)?.strip_prefix('=')?;
            Some(value.trim_matches(['"', '\'']).to_owned())
        })
    };
    let name = field("NAME")?;
    Some(match field("VERSION_ID") {
        Some(version) => format!("{name} {version}"),
        None => name,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_linux_is_named_by_its_os_release() {
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n";
        assert_eq!(os_name(debian).unwrap(), "Debian GNU/Linux 12");
        assert_eq!(os_name("NAME=Arch\n").unwrap(), "Arch");
        assert_eq!(os_name(""), None);
    }

    #[test]
    fn an_explicit_machine_id_names_the_computer() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders {
            user: None,
            common: folder.path().join("3.0"),
        };
        let own = id(&folders);
        fs::create_dir(folder.path().join("data")).unwrap();
        fs::write(folder.path().join("data/machine-id"), "pod-7\n").unwrap();
        let explicit = id(&folders);
        assert_ne!(own, explicit);
        fs::write(folder.path().join("data/machine-id"), "POD-7").unwrap();
        assert_eq!(id(&folders), explicit);
        assert_eq!(explicit.len(), 40);
    }
}
