//! Text inputs of a datafile: whatever encoding they are in, 1C gets UTF-8.

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16LE, WINDOWS_1251};

/// The encoding of a text input, as vendors' build pipelines name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextEncoding {
    /// Windows-1251.
    Ansi,
    /// UTF-8, with a byte order mark or without.
    Utf8,
    /// UTF-16 in the order that its mark tells; little-endian, as on Windows, without one.
    Utf16,
}

impl TextEncoding {
    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ansi => "ansi",
            Self::Utf8 => "utf8",
            Self::Utf16 => "utf16",
        }
    }

    /// Reads the name on the command line.
    ///
    /// # Errors
    /// Lists the names.
    pub fn parse(text: &str) -> Result<Self, String> {
        [Self::Ansi, Self::Utf8, Self::Utf16]
            .into_iter()
            .find(|encoding| encoding.name() == text.to_lowercase())
            .ok_or_else(|| "an encoding is ansi, utf8 or utf16".to_owned())
    }
}

/// The text in UTF-8 without a byte order mark; line ends stay as they are.
///
/// # Errors
/// Says what in the bytes is no text of the encoding: packing a binary file as text would ruin it.
pub fn to_utf8(bytes: &[u8], encoding: TextEncoding) -> Result<Vec<u8>, String> {
    let (marked, mark) = Encoding::for_bom(bytes).unzip();
    let decoder = match encoding {
        TextEncoding::Ansi => WINDOWS_1251,
        TextEncoding::Utf8 => UTF_8,
        TextEncoding::Utf16 => marked.filter(|&found| found != UTF_8).unwrap_or(UTF_16LE),
    };
    if let Some(found) = marked.filter(|&found| found != decoder) {
        return Err(format!(
            "it begins with the byte order mark of {}",
            found.name()
        ));
    }
    let bytes = &bytes[mark.unwrap_or(0)..];
    let text = decode(decoder, bytes)?;
    if text.contains('\0') {
        return Err("it holds zero characters".to_owned());
    }
    Ok(text.into_bytes())
}

fn decode(encoding: &'static Encoding, bytes: &[u8]) -> Result<String, String> {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let room = decoder
        .max_utf8_buffer_length_without_replacement(bytes.len())
        .ok_or("it is too large")?;
    let mut text = String::with_capacity(room);
    match decoder.decode_to_string_without_replacement(bytes, &mut text, true) {
        (DecoderResult::InputEmpty, _) => Ok(text),
        (_, read) => Err(format!("the bytes before byte {read} are no character")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_in_every_encoding_becomes_the_same_utf8() {
        let ansi = b"\xcf\xf0\xee\xf6\xe5\xe4\xf3\xf0\xe0\r\n";
        let text = "Процедура\r\n";
        let utf16 = |mark: bool, to_bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            let mark = mark.then_some(0xfeff);
            mark.into_iter()
                .chain(text.encode_utf16())
                .flat_map(to_bytes)
                .collect()
        };
        let cases = [
            (ansi.to_vec(), TextEncoding::Ansi),
            (text.into(), TextEncoding::Utf8),
            (format!("\u{feff}{text}").into(), TextEncoding::Utf8),
            (utf16(true, u16::to_le_bytes), TextEncoding::Utf16),
            (utf16(true, u16::to_be_bytes), TextEncoding::Utf16),
            (utf16(false, u16::to_le_bytes), TextEncoding::Utf16),
        ];
        for (bytes, encoding) in cases {
            assert_eq!(
                to_utf8(&bytes, encoding).as_deref(),
                Ok(text.as_bytes()),
                "{encoding:?}"
            );
        }
    }

    #[test]
    fn what_is_no_text_of_the_encoding_is_refused() {
        let cases: [(&[u8], TextEncoding); 6] = [
            (b"\xff\xfea\0", TextEncoding::Ansi),
            (b"\xef\xbb\xbfa", TextEncoding::Utf16),
            (b"PK\x03\x04\0\0", TextEncoding::Ansi),
            (b"abc\xcf", TextEncoding::Utf8),
            (b"abc", TextEncoding::Utf16),
            (b"\x00\xd8a\0", TextEncoding::Utf16),
        ];
        for (bytes, encoding) in cases {
            assert!(to_utf8(bytes, encoding).is_err(), "{bytes:?} {encoding:?}");
        }
    }
}
