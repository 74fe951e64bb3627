//! Changing one value in the file's text: comments, order and unknown keys stay as they are.

/// The text with `key` of `section` set to `value`.
pub fn set(text: &str, section: &str, key: &str, value: &str) -> String {
    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
    // A value never breaks out of its line.
    let line = format!("{key}={}", value.replace(['\r', '\n'], " "));
    let mut lines: Vec<&str> = text.lines().collect();
    match find(text, section, key) {
        Some(at) => lines[at] = &line,
        None => match commented_out(text, section, key).or_else(|| last_line_of(text, section)) {
            Some(at) => lines.insert(at + 1, &line),
            None => {
                let head = format!("[{section}]");
                let mut whole = lines.join(ending);
                if !whole.is_empty() {
                    whole.push_str(ending);
                }
                return whole + &head + ending + &line + ending;
            }
        },
    }
    lines.join(ending) + ending
}

/// The text without `key` of `section`.
pub fn remove(text: &str, section: &str, key: &str) -> String {
    let mut text = text.to_owned();
    // The last one decides; those before it would come to life again.
    while let Some(at) = find(&text, section, key) {
        text = text
            .split_inclusive('\n')
            .enumerate()
            .filter(|(line, _)| *line != at)
            .map(|(_, line)| line)
            .collect();
    }
    text
}

/// What the text has for `key` of `section`.
pub fn get<'a>(text: &'a str, section: &str, key: &str) -> Option<&'a str> {
    let line = text.lines().nth(find(text, section, key)?)?;
    line.split_once('=').map(|(_, value)| value.trim())
}

/// The number, from 0, of the line that decides the setting: the last one, as for the reader.
pub(super) fn find(text: &str, section: &str, key: &str) -> Option<usize> {
    let matches = |line: &str| {
        line.split_once('=')
            .is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case(key))
    };
    in_section(text, section)
        .filter(|(_, line)| matches(line))
        .map(|(at, _)| at)
        .last()
}

/// The number, from 0, of the last line of a section that has the setting as a comment.
pub(super) fn commented_out(text: &str, section: &str, key: &str) -> Option<usize> {
    let section = section.to_lowercase();
    let mut inside = false;
    let mut found = None;
    for (at, line) in text.lines().enumerate() {
        if let Some(name) = is_head(line) {
            inside = name == section;
        } else if inside
            && let Some(comment) = line.trim_start().strip_prefix([';', '#'])
            && let Some((name, _)) = comment.split_once('=')
            && name.trim().eq_ignore_ascii_case(key)
        {
            found = Some(at);
        }
    }
    found
}

fn last_line_of(text: &str, section: &str) -> Option<usize> {
    let filled = in_section(text, section)
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(at, _)| at)
        .last();
    let head = text
        .lines()
        .position(|line| is_head(line) == Some(section.to_lowercase()));
    filled.max(head)
}

/// The lines of a section that are no comments, with their numbers from 0.
pub(super) fn in_section<'a>(
    text: &'a str,
    section: &str,
) -> impl Iterator<Item = (usize, &'a str)> {
    let section = section.to_lowercase();
    let mut inside = false;
    text.lines()
        .enumerate()
        .filter(move |(_, line)| match is_head(line) {
            Some(name) => {
                inside = name == section;
                false
            }
            None => inside && !line.trim_start().starts_with([';', '#']),
        })
}

pub(super) fn is_head(line: &str) -> Option<String> {
    let line = line.trim().trim_start_matches('\u{feff}');
    Some(
        line.strip_prefix('[')?
            .strip_suffix(']')?
            .trim()
            .to_lowercase(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_changed_in_place_and_nothing_else_is() {
        let text = "; c\n[Common]\nA=1\n;A=2\n\n[API]\nEnabled = 1\nA=3\n";
        assert_eq!(
            set(text, "API", "enabled", "0"),
            "; c\n[Common]\nA=1\n;A=2\n\n[API]\nenabled=0\nA=3\n"
        );
        assert_eq!(
            set(text, "common", "B", "x\ny"),
            "; c\n[Common]\nA=1\nB=x y\n;A=2\n\n[API]\nEnabled = 1\nA=3\n"
        );
        assert_eq!(
            remove("[A]\nB=1\n; B=2\nb=3\nC=4", "a", "B"),
            "[A]\n; B=2\nC=4"
        );
        assert_eq!(get(text, "api", "enabled"), Some("1"));
        assert_eq!(get(text, "Common", "B"), None);
        assert_eq!(set("", "New", "B", "1"), "[New]\nB=1\n");
        assert_eq!(set("[A]\r\nB=1\r\n", "A", "B", "2"), "[A]\r\nB=2\r\n");
        assert_eq!(set("[A]\n[B]\n", "A", "C", "2"), "[A]\nC=2\n[B]\n");
    }
}
