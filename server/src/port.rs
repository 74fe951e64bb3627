//! Who has a port: the name and number of the process, for the error that says it is taken.

/// How to learn who has it, where the system does not tell the server: its user sees no other user's files.
#[cfg(target_os = "linux")]
pub(crate) const UNSEEN: (&str, &str) = (
    " (licenceserver doctor, started by root, names the program)",
    " (кем – скажет licenceserver doctor, запущенный от root)",
);

/// The same on other systems.
#[cfg(not(target_os = "linux"))]
pub(crate) const UNSEEN: (&str, &str) = (
    " (netstat -abno, started by an administrator, names the program)",
    " (кем – скажет netstat -abno, запущенный администратором)",
);

/// The process that listens on a TCP port of this computer, as far as the system tells us.
#[cfg(target_os = "linux")]
pub(crate) fn holder(port: u16) -> Option<String> {
    use std::fs;

    let suffix = format!(":{port:04X}");
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .find_map(|table| {
            let text = fs::read_to_string(table).ok()?;
            text.lines().skip(1).find_map(|line| {
                let mut fields = line.split_whitespace();
                let local = fields.nth(1)?;
                // 0A is LISTEN.
                let listening = fields.nth(1)? == "0A";
                let inode = fields.nth(5)?;
                (listening && local.ends_with(&suffix)).then(|| inode.to_owned())
            })
        })?;
    let link = format!("socket:[{inode}]");
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let Ok(files) = fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        if files
            .flatten()
            .any(|file| fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == link.as_str()))
        {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!(
                "{} (process {pid})",
                crate::logs::tame(name.trim())
            ));
        }
    }
    None
}

/// The process that listens on a TCP port of this computer: other systems tell it only to other interfaces.
#[cfg(not(target_os = "linux"))]
pub(crate) fn holder(_port: u16) -> Option<String> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn the_holder_of_a_port_is_this_very_process() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let holder = super::holder(listener.local_addr().unwrap().port()).unwrap();
        assert!(
            holder.ends_with(&format!("(process {})", std::process::id())),
            "{holder}"
        );
    }
}
