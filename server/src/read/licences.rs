//! The installed keys, working or not.

use protocol::{KeyId, licence::DAY};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Many, time::iso_seconds};
use crate::{
    accounting::{Key, Moment, Unusable, usable},
    carriers::Seen,
    conf::Lang,
    keys::{Installed, OpenError},
    server::Server,
};

/// All of them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Licences {
    /// In the order of their series and numbers.
    pub licences: Vec<Licence>,
}

impl Many for Licences {
    type Row = Licence;
    const NAME: &str = "Licences";

    fn of(licences: Vec<Licence>) -> Self {
        Self { licences }
    }
}

/// One licence, with the manual's fields in the manual's order, and newer ones after them.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Licence {
    /// Virtual: a software key; USB: a hardware one
    #[serde(rename = "Type")]
    pub kind: String,
    /// Its file
    pub file_name: Option<String>,
    /// False when an administrator switched it off
    pub enabled: bool,
    /// Whether it is a carrier without a licence
    pub is_blank: bool,
    /// Whether the document and the computer are right
    pub workable: bool,
    /// Why it does not work, if it does not
    pub open_error: Option<String>,
    /// The file's format version
    pub version: String,
    /// Its number
    pub key_no: Option<u32>,
    /// The series
    #[serde(rename = "KeyID")]
    pub key_id: Option<String>,
    /// The registration number
    pub reg_no: Option<u32>,
    /// 3 main, 4 additional, 5 demo
    pub key_type: Option<u8>,
    /// 0 ordinary, 1 demo server, 2 cloud subscription, 3 Fresh, 4 and up other
    pub service_type: Option<u32>,
    /// How many seats it gives
    pub licence_count: Option<u32>,
    /// The product's version
    pub product_version: Option<u32>,
    /// The number of the carrier that it is on
    pub blank_key_no: Option<u32>,
    /// The activation code
    pub activation_code: Option<String>,
    /// When it was activated, UTC
    pub activation_date: Option<String>,
    /// From when it works, UTC
    pub start_date: Option<String>,
    /// For how many days it works
    pub period: Option<u32>,
    /// When it ends, UTC
    pub expire_date: Option<String>,
    /// How many days are left
    pub days_left: Option<i64>,
    /// Whether it has ended
    pub expired: bool,
    /// The bits of functionality
    pub flags: Option<String>,
    /// The owner's tax number (ИНН) as a number
    #[serde(rename = "ITN")]
    pub itn: Option<u64>,
    /// The owner's КПП as a number
    #[serde(rename = "IEC")]
    pub iec: Option<u64>,
    /// The product
    pub product_name: Option<String>,
    /// The item's article
    pub article: Option<String>,
    /// The article's name
    pub article_name: Option<String>,
    /// From when support runs, UTC
    pub support_date: Option<String>,
    /// For how many days support runs
    pub support_period: Option<u32>,
    /// From when the industry support runs, UTC
    pub industry_support_date: Option<String>,
    /// For how many days the industry support runs
    pub industry_support_period: Option<u32>,
    /// The product version's name
    pub product_version_name: Option<String>,
    /// Whether it replaces a lost one
    pub recovered: bool,
    /// When it was renewed, UTC
    pub update_date: Option<String>,
    /// The tax number whole, with its leading zero
    #[serde(rename = "ITNText")]
    pub itn_text: Option<String>,
}

impl Server {
    /// All licences.
    pub fn read_licences(&self) -> Vec<Licence> {
        self.read_licences_in(self.conf().lang)
    }

    /// All licences, with their errors in a language.
    pub fn read_licences_in(&self, lang: Lang) -> Vec<Licence> {
        all(self, lang)
    }

    /// The licence of a series with that KeyNo; without a series, the blank carrier with that number.
    pub fn read_licence(&self, key_id: Option<KeyId>, key_no: u32) -> Option<Licence> {
        self.read_licence_in(key_id, key_no, self.conf().lang)
    }

    /// The same, with its error in a language.
    pub fn read_licence_in(
        &self,
        key_id: Option<KeyId>,
        key_no: u32,
        lang: Lang,
    ) -> Option<Licence> {
        let key_id = key_id.map(|key_id| key_id.to_string());
        // Of several files with the number, the one that works.
        self.read_licences_in(lang)
            .into_iter()
            .filter(|licence| licence.key_no == Some(key_no) && licence.key_id == key_id)
            .max_by_key(|licence| licence.workable)
    }
}

fn all(server: &Server, lang: Lang) -> Vec<Licence> {
    let now = server.clock.now();
    let blanks = server.keys.carriers.seen();
    let blanks = blanks
        .iter()
        .filter(|seen| seen.licences == 0)
        .map(|seen| blank(seen, lang));
    let mut all: Vec<Licence> = installed(server, lang, now);
    all.extend(blanks);
    all
}

/// A carrier without a licence: its number stands where a key's stands else.
fn blank(seen: &Seen, lang: Lang) -> Licence {
    Licence {
        kind: "USB".into(),
        enabled: true,
        is_blank: seen.error.is_none(),
        workable: seen.error.is_none(),
        open_error: seen.error.as_ref().map(|error| error.text(lang)),
        version: "1".into(),
        key_no: Some(seen.about.number),
        ..Licence::default()
    }
}

fn installed(server: &Server, lang: Lang, now: Moment) -> Vec<Licence> {
    server
        .keys
        .installed()
        .iter()
        .map(|installed| {
            let pool = installed
                .key_id
                .map(|key_id| server.keys.pool(key_id))
                .unwrap_or_default();
            describe(installed, &pool, lang, now)
        })
        .collect()
}

fn describe(installed: &Installed, pool: &[Key], lang: Lang, now: Moment) -> Licence {
    let wall = crate::now();
    let state = installed
        .key()
        .and_then(|key| usable(&key, pool, now).err());
    let error = installed.error.clone().or(match state {
        // Enabled says that by itself.
        Some(Unusable::Disabled | Unusable::NotWorkable) | None => None,
        Some(Unusable::Expired(at)) if wall < at => Some(OpenError::EndedBeforeClock(at)),
        Some(other) => Some(OpenError::Unusable(other)),
    });
    let voucher = installed.licence.as_ref().map(|licence| &licence.voucher);
    let private = installed.licence.as_ref().map(|licence| &licence.private);
    let text = |get: fn(&protocol::licence::Private) -> &Option<String>| {
        private.and_then(|private| get(private).clone())
    };
    let date = |get: fn(&protocol::licence::Private) -> Option<i64>| {
        private.and_then(get).and_then(iso_seconds)
    };
    let ends = voucher.and_then(protocol::licence::Voucher::expire_date);
    let left = ends.map(|ends| ends.saturating_sub(now.seconds()).max(0));
    let itn_text = text(|private| &private.itn);
    let activation_code = text(|private| &private.activation_code);
    let carrier = installed.carrier.as_ref();
    // A carrier that came with its licence from the vendor is a hardware key; one that a code was activated on holds a
    // software key.
    let hardware = carrier.is_some() && private.is_some() && activation_code.is_none();
    Licence {
        kind: if hardware { "USB" } else { "Virtual" }.into(),
        file_name: carrier
            .is_none()
            .then(|| installed.file.display().to_string()),
        enabled: installed.enabled,
        is_blank: false,
        workable: installed.error.is_none() && state != Some(Unusable::BesideOther),
        open_error: error.map(|error| error.text(lang)),
        version: "1".into(),
        key_no: installed.key_no,
        key_id: installed.key_id.map(|key_id| key_id.to_string()),
        reg_no: private.and_then(|private| private.reg_no),
        key_type: voucher.map(|voucher| voucher.key_type.number()),
        service_type: voucher.map(|voucher| voucher.service_type),
        licence_count: voucher.map(|voucher| voucher.licence_count),
        product_version: voucher.map(|voucher| voucher.product_version),
        blank_key_no: carrier.filter(|_| !hardware).map(|about| about.number),
        activation_code,
        activation_date: date(|private| private.activation_date),
        start_date: voucher
            .and_then(|voucher| voucher.start_date)
            .and_then(iso_seconds),
        period: voucher.map(|voucher| voucher.period_days),
        expire_date: ends.and_then(iso_seconds),
        // A day that has begun still counts.
        days_left: left.map(|left| left / DAY + i64::from(left % DAY > 0)),
        expired: left == Some(0),
        flags: voucher.map(|voucher| format!("{:032b}", voucher.flags)),
        itn: itn_text.as_ref().and_then(|itn| itn.parse().ok()),
        iec: text(|private| &private.iec).and_then(|iec| iec.parse().ok()),
        product_name: text(|private| &private.product_name),
        article: text(|private| &private.article),
        article_name: text(|private| &private.article_name),
        support_date: date(|private| private.support_date),
        support_period: private.and_then(|private| private.support_period),
        industry_support_date: date(|private| private.industry_support_date),
        industry_support_period: private.and_then(|private| private.industry_support_period),
        product_version_name: text(|private| &private.product_version_name),
        recovered: private
            .and_then(|private| private.recovered)
            .unwrap_or(false),
        update_date: date(|private| private.update_date),
        itn_text,
    }
}
