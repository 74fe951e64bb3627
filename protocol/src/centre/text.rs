//! A request as the text of a QR code: `L3:` and base32, which QR codes hold densely.

/// Before the base32.
const PREFIX: &str = "L3:";

/// The text of a file.
pub fn to_qr(bytes: &[u8]) -> String {
    format!("{PREFIX}{}", data_encoding::BASE32_NOPAD.encode(bytes))
}

/// The file of a text, which may have white space around and inside; nothing when it is no such text.
pub fn from_qr(text: &[u8]) -> Option<Vec<u8>> {
    let text: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let base32 = text.strip_prefix(PREFIX.as_bytes())?;
    data_encoding::BASE32_NOPAD.decode(base32).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_survives_its_text_and_other_texts_are_none() {
        let text = to_qr(b"L3AC\x01\0\0\0abc");
        assert_eq!(
            from_qr(format!(" {text}\n").as_bytes()).as_deref(),
            Some(&b"L3AC\x01\0\0\0abc"[..])
        );
        for bad in ["", "L3:1", "L3AC", "L3:мир"] {
            assert_eq!(from_qr(bad.as_bytes()), None, "{bad}");
        }
    }
}
