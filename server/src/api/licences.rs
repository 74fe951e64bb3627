//! GET /api/licences and /api/licences/{KeyNo}: the installed keys, working or not.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
};
use protocol::licence::DAY;
use serde::Serialize;

use super::{error::ApiError, time::iso_seconds};
use crate::{
    accounting::{Key, Moment, Unusable, usable},
    conf::Lang,
    keys::{Installed, OpenError},
    server::{Server, now},
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Licences {
    licences: Vec<Licence>,
}

/// One licence, with the manual's fields in the manual's order, and newer ones after them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Licence {
    #[serde(rename = "Type")]
    kind: &'static str,
    file_name: Option<String>,
    enabled: bool,
    is_blank: bool,
    workable: bool,
    open_error: Option<String>,
    version: &'static str,
    key_no: Option<u32>,
    #[serde(rename = "KeyID")]
    key_id: Option<String>,
    reg_no: Option<u32>,
    key_type: Option<u8>,
    service_type: Option<u32>,
    licence_count: Option<u32>,
    product_version: Option<u32>,
    blank_key_no: Option<u32>,
    activation_code: Option<String>,
    activation_date: Option<String>,
    start_date: Option<String>,
    period: Option<u32>,
    expire_date: Option<String>,
    days_left: Option<i64>,
    expired: bool,
    flags: Option<String>,
    #[serde(rename = "ITN")]
    itn: Option<u64>,
    #[serde(rename = "IEC")]
    iec: Option<u64>,
    product_name: Option<String>,
    article: Option<String>,
    article_name: Option<String>,
    support_date: Option<String>,
    support_period: Option<u32>,
    industry_support_date: Option<String>,
    industry_support_period: Option<u32>,
    product_version_name: Option<String>,
    recovered: bool,
    update_date: Option<String>,
    #[serde(rename = "ITNText")]
    itn_text: Option<String>,
}

pub(super) async fn list(State(server): State<Arc<Server>>) -> Json<Licences> {
    Json(Licences {
        licences: all(&server),
    })
}

pub(super) async fn one(
    State(server): State<Arc<Server>>,
    Path(key_no): Path<String>,
    uri: Uri,
) -> Result<Json<Licence>, ApiError> {
    let found = key_no.parse().ok().and_then(|key_no: u32| {
        all(&server)
            .into_iter()
            .find(|licence| licence.key_no == Some(key_no))
    });
    found
        .map(Json)
        .ok_or_else(|| ApiError::not_found(uri.path()))
}

fn all(server: &Server) -> Vec<Licence> {
    let (lang, now) = (server.conf().lang, now());
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

/// A licence as the API shows it.
pub(super) fn describe(installed: &Installed, pool: &[Key], lang: Lang, now: Moment) -> Licence {
    let state = installed
        .key()
        .and_then(|key| usable(&key, pool, now).err());
    let error = installed.error.clone().or(match state {
        // Enabled says that by itself.
        Some(Unusable::Disabled | Unusable::NotWorkable) | None => None,
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
    Licence {
        kind: "Virtual",
        file_name: Some(installed.file.display().to_string()),
        enabled: installed.enabled,
        is_blank: false,
        workable: installed.error.is_none() && state != Some(Unusable::BesideOther),
        open_error: error.map(|error| error.text(lang)),
        version: "1",
        key_no: installed.key_no,
        key_id: installed.key_id.map(|key_id| key_id.to_string()),
        reg_no: private.and_then(|private| private.reg_no),
        key_type: voucher.map(|voucher| voucher.key_type.number()),
        service_type: voucher.map(|voucher| voucher.service_type),
        licence_count: voucher.map(|voucher| voucher.licence_count),
        product_version: voucher.map(|voucher| voucher.product_version),
        blank_key_no: None,
        activation_code: text(|private| &private.activation_code),
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
