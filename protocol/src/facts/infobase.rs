//! The infobase's connection string, so that each infobase is one however it is spelt.

/// An infobase string in one spelling: parameter names and hosts in lower case, sorted, quotes and default
/// ports removed. `Srvr="APP:1541";Ref="Trade";` and `ref=Trade;SRVR=app` give the same.
pub fn normalised_infobase(text: &str) -> String {
    let mut parts = parts(text);
    for (name, value) in &mut parts {
        match name.as_str() {
            "srvr" => {
                *value = value
                    .split(',')
                    .map(|server| {
                        let server = server.trim().to_lowercase();
                        server
                            .strip_suffix(":1541")
                            .map(str::to_owned)
                            .unwrap_or(server)
                    })
                    .collect::<Vec<_>>()
                    .join(",");
            }
            // 1C compares infobase names on a cluster without regard to case.
            "ref" => *value = value.to_lowercase(),
            "ws" => *value = normalised_url(value),
            "file" => *value = normalised_path(value),
            _ => {}
        }
    }
    parts.sort();
    parts
        .into_iter()
        .map(|(name, value)| format!("{name}={value};"))
        .collect()
}

/// True when the infobase is a file on a disk.
pub(super) fn is_file(text: &str) -> bool {
    parts(text).iter().any(|(name, _)| name == "file")
}

fn normalised_url(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let scheme = scheme.to_lowercase();
    let host = host.to_lowercase();
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    let host = host.strip_suffix(default_port).unwrap_or(&host);
    format!("{scheme}://{host}/{}", path.trim_end_matches('/'))
}

fn normalised_path(path: &str) -> String {
    let windows = path.contains('\\') || path.get(1..2) == Some(":");
    let trimmed = path.trim_end_matches(['\\', '/']);
    if windows {
        trimmed.to_lowercase()
    } else {
        trimmed.to_owned()
    }
}

/// `Name=value` pairs; values may stand in double quotes, where `""` is one quote.
fn parts(text: &str) -> Vec<(String, String)> {
    let mut parts = Vec::new();
    let mut piece = String::new();
    let mut quoted = false;
    let mut letters = text.chars().chain([';']).peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                piece.push('"');
            }
            '"' => quoted = !quoted,
            ';' if !quoted => {
                if let Some((name, value)) = piece.split_once('=') {
                    parts.push((name.trim().to_lowercase(), value.trim().to_owned()));
                } else if !piece.trim().is_empty() {
                    parts.push((String::new(), piece.trim().to_owned()));
                }
                piece.clear();
            }
            other => piece.push(other),
        }
    }
    // An unclosed quote: what follows it is still part of the identity.
    if !piece.is_empty() {
        parts.push((String::new(), piece));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_infobase_are_one_and_others_are_others() {
        let same = [
            r#"Srvr="APP:1541";Ref="Trade";"#,
            "ref=trade; SRVR=app",
            r#"Srvr="app";Ref="TRADE""#,
        ];
        for text in same {
            assert_eq!(normalised_infobase(text), "ref=trade;srvr=app;", "{text}");
        }
        assert_eq!(
            normalised_infobase(r#"ws="HTTP://Web:80/Base/";"#),
            "ws=http://web/Base;"
        );
        assert_eq!(
            normalised_infobase(r#"File="C:\Bases\ONE\";"#),
            r"file=c:\bases\one;"
        );
        assert_eq!(normalised_infobase(r#"File="/srv/One";"#), "file=/srv/One;");
        assert_ne!(
            normalised_infobase("Srvr=app:1641;Ref=t"),
            normalised_infobase("Srvr=app;Ref=t")
        );
        assert_ne!(
            normalised_infobase("File=\"a;b"),
            normalised_infobase("File=\"a")
        );
    }
}
