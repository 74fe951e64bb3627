//! Points of P-256 as tokens give them.

/// A point as tokens give it (a DER octet string, or bare) in its compressed form.
pub(super) fn compressed(point: &[u8]) -> Option<Vec<u8>> {
    let bare = point.strip_prefix(&[4, 65]).unwrap_or(point);
    let ([4], coordinates) = bare.split_at_checked(1)? else {
        return None;
    };
    let (x, y) = coordinates.split_at_checked(32)?;
    let odd = y.last().filter(|_| y.len() == 32)? & 1;
    Some([&[2 + odd], x].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_come_in_two_forms_and_anything_else_is_none() {
        let bare: Vec<u8> = std::iter::once(4).chain(1..=64).collect();
        let der = [&[4, 65][..], &bare].concat();
        let point = compressed(&bare).unwrap();
        assert_eq!((point.len(), point[0], point[1]), (33, 2, 1));
        assert_eq!(compressed(&der), Some(point));
        for bad in [&bare[..64], &[], &[4], &der[..66], &[5; 65]] {
            assert_eq!(compressed(bad), None);
        }
    }
}
