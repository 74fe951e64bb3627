//! Addresses of servers: `host`, `host:port`, `[IPv6]:port`, and lists of them with commas.

use std::fmt;

/// The port of a server that names none.
pub const DEFAULT_PORT: u16 = 9099;
/// The host when nothing is configured.
pub const DEFAULT_HOST: &str = "localhost";
/// The longest name of a host that DNS allows, in bytes.
const MAX_HOST: usize = 253;
/// The most reserve servers that are taken from a list.
pub(super) const MAX_SERVERS: usize = 16;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// A name or an IP address, lower case, an IPv6 one without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// There is no host, or it holds characters that none has.
    Host(String),
    /// The port is not a number from 1 to 65535.
    Port(String),
    /// There are too many of them.
    TooMany,
}

impl Address {
    /// Reads an address; `port` stands for one that is not written.
    ///
    /// # Errors
    /// Names the part that is wrong.
    pub fn parse(text: &str, port: u16) -> Result<Self, AddressError> {
        let text = text.trim();
        let (host, written) = split(text)?;
        let port = match written {
            None => port,
            Some(digits) => parse_port(digits)?,
        };
        Ok(Self {
            host: check_host(host)?,
            port,
        })
    }

    /// Reads a list with commas (semicolons do too); empty places are skipped.
    ///
    /// # Errors
    /// Names the part that is wrong.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, AddressError> {
        let mut list = Vec::new();
        for part in text.split([',', ';']).map(str::trim) {
            if part.is_empty() {
                continue;
            }
            let address = Self::parse(part, DEFAULT_PORT)?;
            if list.len() == MAX_SERVERS {
                return Err(AddressError::TooMany);
            }
            if !list.contains(&address) {
                list.push(address);
            }
        }
        Ok(list)
    }
}

impl Default for Address {
    fn default() -> Self {
        Self {
            host: DEFAULT_HOST.into(),
            port: DEFAULT_PORT,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Reads a port.
///
/// # Errors
/// It is not a number from 1 to 65535.
pub fn parse_port(text: &str) -> Result<u16, AddressError> {
    let digits = text.trim();
    match digits.parse::<u16>() {
        Ok(port) if port != 0 && digits.bytes().all(|digit| digit.is_ascii_digit()) => Ok(port),
        _ => Err(AddressError::Port(digits.into())),
    }
}

/// Host and written port. People paste what stands in a browser, so the scheme and a last slash are taken off.
fn split(text: &str) -> Result<(&str, Option<&str>), AddressError> {
    let bare = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("HTTP://"))
        .unwrap_or(text);
    let bare = bare.strip_suffix('/').unwrap_or(bare);
    let wrong = || AddressError::Host(text.into());
    if let Some(rest) = bare.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or_else(wrong)?;
        // Brackets hold an IPv6 address and nothing else.
        host.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(wrong()),
        };
    }
    // Several colons without brackets: an IPv6 address with no port.
    if bare.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok((bare, None));
    }
    match bare.split_once(':') {
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((bare, None)),
    }
}

fn check_host(host: &str) -> Result<String, AddressError> {
    let wrong = || AddressError::Host(host.into());
    let host = host.trim();
    if host.is_empty() || host.len() > MAX_HOST {
        return Err(wrong());
    }
    if let Ok(address) = host.parse::<std::net::Ipv6Addr>() {
        return Ok(address.to_string());
    }
    let good = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_');
    if host.chars().all(good) {
        Ok(host.to_lowercase())
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Address::parse(text, 9099).unwrap().to_string()
    }

    #[test]
    fn every_way_to_write_an_address_is_understood() {
        for (text, address) in [
            ("SERVER2", "server2:9099"),
            (" server2:9100 ", "server2:9100"),
            ("10.0.0.7", "10.0.0.7:9099"),
            ("::1", "[::1]:9099"),
            ("[::1]", "[::1]:9099"),
            ("[2001:DB8::7]:80", "[2001:db8::7]:80"),
            ("http://host:9100/", "host:9100"),
            ("сервер", "сервер:9099"),
        ] {
            assert_eq!(shown(text), address, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_named() {
        for text in [
            "",
            " ",
            "[::1",
            "[::1]x",
            "[host]:1",
            "a b",
            "a/b",
            "user@host",
            "a\nb",
            ":9099",
            &"x".repeat(254),
        ] {
            assert!(
                matches!(Address::parse(text, 1), Err(AddressError::Host(_))),
                "{text}"
            );
        }
        for port in ["0", "65536", "-1", "+5", "x", "", "9099x"] {
            assert!(
                matches!(
                    Address::parse(&format!("host:{port}"), 1),
                    Err(AddressError::Port(_))
                ),
                "{port}"
            );
        }
    }

    #[test]
    fn a_list_skips_empty_places_and_repeated_servers_and_is_bounded() {
        let list = Address::parse_list("a, b:1 ,,[::1]:2;A,").unwrap();
        let texts: Vec<_> = list.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["a:9099", "b:1", "[::1]:2"]);
        assert_eq!(Address::parse_list("").unwrap(), []);
        let many: Vec<_> = (0..=MAX_SERVERS).map(|n| format!("h{n}")).collect();
        assert_eq!(
            Address::parse_list(&many.join(",")),
            Err(AddressError::TooMany)
        );
    }
}
