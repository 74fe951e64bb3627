//! CSV of RFC 4180, for table programs.

/// A table: a line of names, then the rows.
pub(crate) fn text(names: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = line(names.iter().map(|name| (*name).to_owned()));
    for row in rows {
        text += &line(row.iter().map(|cell| harmless(cell)));
    }
    text
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.map(|cell| quoted(&cell)).collect();
    cells.join(",") + "\r\n"
}

/// A name that somebody chose must not become a formula of the table that the file is opened with.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be_and_are_no_formulas() {
        for (text, cell) in [
            ("a", "a"),
            ("a,b", "\"a,b\""),
            ("Srvr=\"a\";", "\"Srvr=\"\"a\"\";\""),
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("@x", "'@x"),
            ("Иванов", "Иванов"),
            ("", ""),
        ] {
            assert_eq!(quoted(&harmless(text)), cell);
        }
    }
}
