//! The terminal client, when the process runs in a terminal session.

use protocol::facts::Terminal;

/// The far end of this process's terminal session; none at the physical console.
pub(super) fn client() -> Option<Terminal> {
    system::client()
}

#[cfg(windows)]
mod system {
    use protocol::facts::Terminal;

    pub(super) fn client() -> Option<Terminal> {
        let (name, address) = crate::native::terminal::client()?;
        Some(Terminal {
            name,
            address,
            from_environment: false,
        })
    }
}

#[cfg(unix)]
mod system {
    use std::path::Path;

    use protocol::{facts::Terminal, files::read_limited};

    const LIMIT: usize = 64 * 1024;

    fn text(path: &Path) -> Option<String> {
        String::from_utf8(read_limited(path, LIMIT).ok()?).ok()
    }

    pub(super) fn client() -> Option<Terminal> {
        let cgroup = text(Path::new("/proc/self/cgroup")).unwrap_or_default();
        let login = super::login_session(&cgroup)
            .and_then(|id| text(&Path::new("/run/systemd/sessions").join(id)));
        match login {
            // The login manager knows, so the environment is not asked.
            Some(login) => super::of_login(&login),
            None => super::of_environment(|name| std::env::var(name).ok()),
        }
    }
}

/// The login session's id from the process's cgroup, which a user cannot forge: `…/session-5.scope`.
#[cfg(any(unix, test))]
fn login_session(cgroup: &str) -> Option<&str> {
    let id = cgroup
        .split(['/', '\n'])
        .find_map(|part| part.strip_prefix("session-")?.strip_suffix(".scope"))?;
    id.bytes()
        .all(|letter| letter.is_ascii_alphanumeric())
        .then_some(id)
}

/// Who is at the far end by the login manager's record of the session.
#[cfg(any(unix, test))]
fn of_login(record: &str) -> Option<Terminal> {
    let field = |name: &str| {
        record
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .filter(|value| !value.is_empty())
    };
    if field("REMOTE") != Some("1") {
        return None;
    }
    let host = field("REMOTE_HOST").or_else(|| field("USER"))?;
    Some(Terminal {
        name: host.into(),
        address: host.into(),
        from_environment: false,
    })
}

/// Who is at the far end by the environment, which anybody can set: the server's journal marks it.
#[cfg(any(unix, test))]
fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Option<Terminal> {
    let first = |text: String| text.split_whitespace().next().map(str::to_owned);
    let address = variable("SSH_CONNECTION")
        .or_else(|| variable("SSH_CLIENT"))
        .and_then(first)
        .unwrap_or_default();
    let name = variable("XRDP_CLIENT_NAME")
        .or_else(|| variable("X2GO_CLIENT"))
        .filter(|name| !name.trim().is_empty())
        .unwrap_or_else(|| address.clone());
    (!name.is_empty()).then_some(Terminal {
        name,
        address,
        from_environment: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_session_comes_from_the_cgroup() {
        let of = |text| login_session(text);
        assert_eq!(
            of("0::/user.slice/user-1000.slice/session-5.scope\n"),
            Some("5")
        );
        assert_eq!(
            of("1:name=systemd:/user.slice/session-c2.scope/x\n"),
            Some("c2")
        );
        assert_eq!(of("0::/system.slice/srv1cv8.service\n"), None);
        assert_eq!(of("0::/session-..%2f.scope\n"), None);
    }

    #[test]
    fn a_remote_login_is_a_terminal_and_the_console_is_the_computer() {
        let remote = of_login("UID=1000\nREMOTE=1\nREMOTE_HOST=10.0.0.7\n").unwrap();
        assert_eq!(
            (remote.name.as_str(), remote.from_environment),
            ("10.0.0.7", false)
        );
        assert_eq!(of_login("UID=1000\nREMOTE=0\nSEAT=seat0\n"), None);
    }

    #[test]
    fn the_environment_is_a_marked_fallback() {
        let terminal = of_environment(|name| {
            (name == "SSH_CONNECTION").then(|| "10.0.0.7 50022 10.0.0.1 22".into())
        });
        let terminal = terminal.unwrap();
        assert_eq!(terminal.address, "10.0.0.7");
        assert!(terminal.from_environment);
        assert_eq!(of_environment(|_| None), None);
    }
}
