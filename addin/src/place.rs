//! Where the component runs: which kind of process, which computer, and where its files are.

mod computer;
mod folders;
pub mod installed;
mod programs;
mod terminal;

use std::path::{Path, PathBuf};

use protocol::{Version, facts::ComponentFacts};

pub use folders::Folders;

use crate::{
    native::{
        host::{Application, PlatformInfo},
        module::module_path,
    },
    settings::{FILE_NAME, Places},
};

/// What kind of process the component runs in. It decides which configuration file counts, where logs go,
/// who occupies a seat, and whether events may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A thin or thick client.
    Client,
    /// Another program that opened an infobase through an external connection.
    ExternalConnection,
    /// A process of the 1C server.
    Server,
    /// A web server that publishes infobases.
    Web,
}

impl Kind {
    /// Tells it by the first of these programs (the process's own, then its parent's) that has a known name, else by
    /// what the platform says. In a file infobase the platform calls a client's own process a server, so names go
    /// first.
    #[must_use]
    pub fn of<P: AsRef<Path>>(programs: &[P], application: Application) -> Self {
        programs
            .iter()
            .find_map(|program| Self::of_name(program.as_ref()))
            .unwrap_or(match application {
                Application::Server | Application::MobileServer => Self::Server,
                Application::ExternalConnection => Self::ExternalConnection,
                Application::ThinClient
                | Application::ThickClient
                | Application::WebClient
                | Application::MobileClient
                | Application::Unknown => Self::Client,
            })
    }

    /// That of this process, as far as the platform told of itself.
    #[must_use]
    pub fn of_this_process(platform: &PlatformInfo) -> Self {
        Self::of(programs::of_this_process(), platform.application)
    }

    fn of_name(program: &Path) -> Option<Self> {
        let name = program.file_name()?.to_string_lossy().to_lowercase();
        match name.strip_suffix(".exe").unwrap_or(&name) {
            "rphost" | "ragent" | "rmngr" | "ibsrv" | "ibcmd" | "crserver" => Some(Self::Server),
            "httpd" | "apache2" | "apache" | "w3wp" | "iisexpress" => Some(Self::Web),
            "1cv8" | "1cv8c" | "1cv8s" => Some(Self::Client),
            _ => None,
        }
    }

    /// Whether 1C code has a place that takes events: neither servers nor external connections have one.
    #[must_use]
    pub const fn has_events(self) -> bool {
        matches!(self, Self::Client)
    }

    /// True where one process serves many sessions.
    #[must_use]
    pub const fn is_server(self) -> bool {
        matches!(self, Self::Server | Self::Web)
    }

    /// One word for programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Client => "Client",
            Self::ExternalConnection => "ExternalConnection",
            Self::Server => "Server",
            Self::Web => "WebServer",
        }
    }
}

/// The process's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What kind of process it is.
    pub kind: Kind,
    /// Where its files are.
    pub folders: Folders,
    platform_version: String,
}

impl Place {
    /// The place of this process, as far as the platform told of itself.
    #[must_use]
    pub fn current(platform: &PlatformInfo) -> Self {
        Self {
            kind: Kind::of_this_process(platform),
            folders: Folders::current(),
            platform_version: platform.version.clone(),
        }
    }

    /// The platform's version, empty if it did not say.
    #[must_use]
    pub fn platform_version(&self) -> &str {
        &self.platform_version
    }

    /// Where licenceaddin.conf is looked for.
    #[must_use]
    pub fn settings(&self) -> Places {
        Places {
            user: self
                .folders
                .user
                .as_ref()
                .filter(|_| !self.kind.is_server())
                .map(|folder| folder.join(FILE_NAME)),
            common: self.folders.common.join(FILE_NAME),
        }
    }

    /// Where logs go: the user's folder, and in a web server the common one.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        let user = self.folders.user.as_ref();
        user.filter(|_| self.kind != Kind::Web)
            .unwrap_or(&self.folders.common)
            .join("logs")
    }

    /// What the server is told of this process.
    #[must_use]
    pub fn facts(&self) -> ComponentFacts {
        ComponentFacts {
            os_version: short(computer::os_version()),
            computer_name: short(computer::name()),
            local_ip: short(computer::local_ip()),
            process: short(
                std::env::current_exe()
                    .unwrap_or_default()
                    .display()
                    .to_string(),
            ),
            cpu: computer::cpu().into(),
            pid: std::process::id(),
            is_server: self.kind.is_server(),
            platform_version: short(self.platform_version.clone()),
            module_name: short(
                module_path()
                    .map(|path| path.display().to_string())
                    .unwrap_or_default(),
            ),
            version: Version::CURRENT.to_string(),
            computer_id: computer::id(&self.folders),
            // A server process has no terminal client of its own.
            terminal: if self.kind.is_server() {
                None
            } else {
                terminal::client()
            },
        }
    }
}

/// Cut to what the protocol takes, so that no odd computer is refused for a long name.
fn short(text: String) -> String {
    let mut end = text.len().min(protocol::facts::MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(program: &str, application: Application) -> Kind {
        Kind::of(&[program], application)
    }

    #[test]
    fn a_known_program_name_decides_and_the_platform_s_word_does_otherwise() {
        for (program, application, expected) in [
            (
                "/opt/1cv8/x86_64/8.3.25/rphost",
                Application::Unknown,
                Kind::Server,
            ),
            ("/usr/sbin/apache2", Application::Server, Kind::Web),
            ("w3wp.exe", Application::Unknown, Kind::Web),
            ("httpd", Application::ThinClient, Kind::Web),
            ("1CV8C.EXE", Application::Unknown, Kind::Client),
            ("/opt/1cv8/1cv8", Application::Server, Kind::Client),
            (
                "excel.exe",
                Application::ExternalConnection,
                Kind::ExternalConnection,
            ),
            ("addinhost", Application::Server, Kind::Server),
            ("addinhost", Application::ThinClient, Kind::Client),
            ("", Application::Unknown, Kind::Client),
            ("/opt/rphost.d/tool", Application::Unknown, Kind::Client),
        ] {
            assert_eq!(
                kind(program, application),
                expected,
                "{program} {application:?}"
            );
        }
    }

    #[test]
    fn a_host_of_isolated_add_ins_is_what_started_it() {
        let isolated = |parent: &str, application| Kind::of(&["addinhost", parent], application);
        assert_eq!(isolated("rphost", Application::Unknown), Kind::Server);
        assert_eq!(isolated("1cv8c.exe", Application::Server), Kind::Client);
        assert_eq!(isolated("bash", Application::Server), Kind::Server);
        assert_eq!(isolated("bash", Application::Unknown), Kind::Client);
    }

    fn place(kind: Kind) -> Place {
        Place {
            kind,
            folders: Folders {
                user: Some("/home/u/.1C/licence/3.0".into()),
                common: "/var/1C/licence/3.0".into(),
            },
            platform_version: "8.3.25.1286".into(),
        }
    }

    #[test]
    fn servers_and_web_servers_see_no_user_s_file_and_web_servers_log_to_the_common_folder() {
        assert!(place(Kind::Client).settings().user.is_some());
        assert!(place(Kind::ExternalConnection).settings().user.is_some());
        assert!(place(Kind::Server).settings().user.is_none());
        assert!(place(Kind::Web).settings().user.is_none());
        let logs = |kind| place(kind).logs();
        assert_eq!(
            logs(Kind::Server),
            Path::new("/home/u/.1C/licence/3.0/logs")
        );
        assert_eq!(logs(Kind::Web), Path::new("/var/1C/licence/3.0/logs"));
    }

    #[test]
    fn the_facts_are_within_the_protocol_s_limits_and_name_the_computer() {
        let facts = place(Kind::Client).facts();
        assert_eq!(facts.check(), Ok(()));
        assert_eq!(facts.computer_id.len(), 40);
        assert!(
            facts
                .computer_id
                .bytes()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'))
        );
        assert_eq!(facts.pid, std::process::id());
        assert!(facts.os_version.ends_with(')'), "{}", facts.os_version);
        assert!(!facts.computer_name.is_empty());
        assert_eq!(short("я".repeat(600)).len(), 1024);
    }
}
