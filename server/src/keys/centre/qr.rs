//! A request as a picture, for a computer that has no way to the centre but somebody's telephone.

use qrcode::{EcLevel, QrCode, render::svg};

/// The QR code of a request, as SVG; nothing when the request is larger than a QR code holds.
pub fn svg(request: &[u8]) -> Option<String> {
    let text = protocol::centre::to_qr(request);
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    Some(
        code.render::<svg::Color<'_>>()
            .min_dimensions(400, 400)
            .build(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_two_kilobytes_is_a_picture_and_a_larger_one_is_none() {
        assert!(svg(&[7; 2000]).unwrap().contains("<svg"));
        assert_eq!(svg(&[7; 5000]), None);
    }
}
