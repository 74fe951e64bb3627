//! What a licence says. Without the vendor's public key it can still be read, and the report says that
//! nothing vouches for it.

use std::path::Path;

use minicbor::Decode;
use protocol::{
    code::masked,
    envelope::{self, FormatError, Kind},
    licence::{Document, Private, Voucher},
    signature::Signed,
};

use super::{Check, Report, facts};
use crate::{Error, dates, issue::kind_name};

/// The two parts of a licence file as they stand in it. [`Document`] gives them away only once they are
/// verified, which is right for everybody but a tool that shows what a file claims.
#[derive(Decode)]
#[cbor(map)]
struct Parts {
    #[n(0)]
    voucher: Signed,
    #[n(1)]
    private: Signed,
}

pub(super) fn report(bytes: &[u8], path: &Path, check: &Check<'_>) -> Result<Report, Error> {
    let document = Document::from_bytes(bytes).map_err(Error::format(path))?;
    let (key_id, _) = document.claims().map_err(Error::format(path))?;
    let (voucher, private, signature) = match check.listed(key_id)? {
        Some((_, series)) => {
            let licence = document.verify_by(series).map_err(Error::format(path))?;
            (licence.voucher, licence.private, "right: the vendor's")
        }
        None => {
            let (voucher, private) = claimed(bytes).map_err(Error::format(path))?;
            (voucher, private, "not checked; add --series FILE")
        }
    };
    let mut report = Report::new("licence");
    report.line("signature", signature);
    show_voucher(&mut report, &voucher);
    show_private(&mut report, &private);
    Ok(report)
}

/// Both parts with nothing checked.
fn claimed(bytes: &[u8]) -> Result<(Voucher, Private), FormatError> {
    let parts: Parts = envelope::open(Kind::Licence, bytes)?;
    Ok((
        envelope::from_cbor(parts.voucher.unverified())?,
        envelope::from_cbor(parts.private.unverified())?,
    ))
}

fn show_voucher(report: &mut Report, voucher: &Voucher) {
    report.line("series", voucher.key_id.to_string());
    report.line("key", voucher.key_no.to_string());
    report.line("type", kind_name(voucher.key_type));
    report.line("seats", voucher.licence_count.to_string());
    report.line("flags", format!("{:032b}", voucher.flags));
    report.line("service type", voucher.service_type.to_string());
    report.line("product version", voucher.product_version.to_string());
    report.line("issued at", dates::show(voucher.issued_at));
    report.optional("works from", voucher.start_date.map(dates::show));
    report.line(
        "works until",
        voucher
            .expire_date()
            .map_or_else(|| "for ever".into(), dates::show),
    );
    for (name, value) in &voucher.parameters {
        report.line("parameter", format!("{name} = {value}"));
    }
    for holder in &voucher.holders {
        report.line("holder key", holder.signing.to_string());
    }
}

fn show_private(report: &mut Report, private: &Private) {
    for holder in &private.holders {
        report.line("server", &holder.instance_name);
        report.line(
            "bound to",
            format!("{} of: {}", holder.needed, facts(&holder.facts)),
        );
        let versions: Vec<String> = holder
            .content_keys
            .iter()
            .map(|key| key.version.to_string())
            .collect();
        report.line(
            "content keys",
            format!("version {} (sealed)", versions.join(", ")),
        );
    }
    report.optional(
        "registration number",
        private.reg_no.map(|number| number.to_string()),
    );
    report.optional(
        "activation code",
        private.activation_code.as_deref().map(masked),
    );
    report.optional("activated at", private.activation_date.map(dates::show));
    report.optional("ITN", private.itn.as_deref());
    report.optional("IEC", private.iec.as_deref());
    report.optional("product", private.product_name.as_deref());
    report.optional(
        "product version's name",
        private.product_version_name.as_deref(),
    );
    report.optional("article", private.article.as_deref());
    report.optional("article's name", private.article_name.as_deref());
    report.optional("support until", private.support_date.map(dates::show));
    report.optional(
        "industry support until",
        private.industry_support_date.map(dates::show),
    );
    report.optional("updated at", private.update_date.map(dates::show));
}
