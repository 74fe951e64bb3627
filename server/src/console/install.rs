//! GET /licences/install: a code becomes a licence, at the licence centre or by files that somebody carries; a licence file is
//! taken as it is.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{FromRequest, Multipart, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::{centre::MAX_ANSWER, code::ActivationCode, envelope::Kind, licence::MAX_FILE};

use super::{
    captcha::Picture,
    door, page,
    posted::{self, Posted},
    visit::Visit,
    words,
};
use crate::{
    keys::{
        Installed,
        centre::{self, Accepted, Order},
    },
    now,
    server::Server,
};

/// The largest file that is sent here, in bytes, with what surrounds it in the form.
pub(super) const MOST: usize = (if MAX_FILE > MAX_ANSWER {
    MAX_FILE
} else {
    MAX_ANSWER
}) + 64 * 1024;

/// What the visitor wrote, to be shown again.
#[derive(Default)]
struct Written {
    code: String,
    itn: String,
    iec: String,
    series: String,
    /// The number of the carrier that is to hold it; empty for the computer.
    blank: String,
}

#[derive(Template)]
#[template(path = "install.html")]
struct Page<'p> {
    v: &'p Visit,
    written: Written,
    error: String,
    centre: bool,
    series: Vec<(String, String)>,
    qr: Option<String>,
    /// Number and name of each connected carrier.
    carriers: Vec<(String, String)>,
    /// A picture for each form, since each is good for one try.
    picture: Option<Picture>,
    file_picture: Option<Picture>,
    request_picture: Option<Picture>,
}

/// The forms.
pub(super) async fn page(State(server): State<Arc<Server>>, visit: Visit) -> Response {
    show(
        &server,
        &visit,
        StatusCode::OK,
        Written::default(),
        String::new(),
        None,
    )
}

fn show(
    server: &Server,
    visit: &Visit,
    status: StatusCode,
    written: Written,
    error: String,
    qr: Option<String>,
) -> Response {
    page::show_as(
        status,
        &Page {
            v: visit,
            written,
            error,
            centre: has_centre(server),
            series: named_series(server),
            qr,
            carriers: carriers(server),
            picture: super::picture(server, visit),
            file_picture: super::picture(server, visit),
            request_picture: super::picture(server, visit),
        },
    )
}

/// Whether there is a licence centre to ask: of the settings, or of a vendor's own file.
pub(super) fn has_centre(server: &Server) -> bool {
    let series = server.keys.series();
    server.conf().centre.url.is_some() || series.iter().any(|series| series.centre.is_some())
}

/// The series to choose from: with several vendors a code alone does not say whose it is.
pub(super) fn named_series(server: &Server) -> Vec<(String, String)> {
    let series = server.keys.series().into_iter();
    series
        .map(|series| (series.key_id.to_string(), series.name))
        .collect()
}

#[derive(Template)]
#[template(path = "done.html")]
struct Done<'p> {
    v: &'p Visit,
    title: String,
    text: String,
    /// A reserve code.
    code: String,
    /// The address of the key's page, if it has one.
    key: Option<String>,
}

fn installed(visit: &Visit, installed: &Installed) -> Response {
    let licence = installed.licence.as_ref();
    let seats = licence.map_or(0, |licence| u64::from(licence.voucher.licence_count));
    let seats = words::count(visit.lang, seats, words::SEATS);
    let number = installed.key_no.unwrap_or_default();
    page::show(&Done {
        v: visit,
        title: visit.t("The key is installed", "Ключ установлен").into(),
        text: visit.lang.pick(
            format!("Key {number} gives {seats}, from now on."),
            format!("Ключ {number} даёт {seats} и уже действует."),
        ),
        code: String::new(),
        key: installed.key_no.map(|_| {
            let key_id = installed.key_id.map(|key_id| key_id.to_string());
            super::keys::address(key_id.as_deref(), number)
        }),
    })
}

/// A page with a reserve code.
pub(super) fn given_back(visit: &Visit, code: &ActivationCode) -> Response {
    page::show(&Done {
        v: visit,
        title: visit.t("The key is given back", "Ключ отдан").into(),
        text: visit.t(
            "It works here no more. This reserve code activates it on another computer; write it down. It is told again on the page of moving, by the key's number.",
            "Здесь он больше не работает. Этот резервный код активирует его на другом компьютере; запишите его. Его покажет и страница переноса, если указать номер ключа.",
        ).into(),
        code: code.reveal(),
        key: None,
    })
}

/// A code: online, as a request file, or as a request to be photographed.
pub(super) async fn activate(State(server): State<Arc<Server>>, posted: Posted) -> Response {
    let visit = &posted.visit;
    let written = Written {
        code: posted.text("code").chars().take(100).collect(),
        itn: posted.text("itn").chars().take(100).collect(),
        iec: posted.text("iec").chars().take(100).collect(),
        series: posted.text("series").chars().take(100).collect(),
        blank: posted.text("blank").chars().take(20).collect(),
    };
    let order = match order(visit, &written) {
        Ok(order) => order,
        Err(error) => {
            return show(
                &server,
                visit,
                StatusCode::BAD_REQUEST,
                written,
                error,
                None,
            );
        }
    };
    let failed = |error: centre::CentreError, written| {
        let text = error.text(visit.lang);
        show(&server, visit, StatusCode::BAD_REQUEST, written, text, None)
    };
    match posted.text("by") {
        "file" => match server.prepare_activation(order).await {
            Ok(request) => download(request, "server.activation"),
            Err(error) => failed(error, written),
        },
        "picture" => match server.prepare_activation(order).await {
            Ok(request) => match centre::svg(&request) {
                Some(svg) => show(
                    &server,
                    visit,
                    StatusCode::OK,
                    written,
                    String::new(),
                    Some(inline(&svg)),
                ),
                None => {
                    let text = visit.t(
                        "The request is too large for a QR code; use the file.",
                        "Запрос не помещается в QR-код; используйте файл.",
                    );
                    show(
                        &server,
                        visit,
                        StatusCode::BAD_REQUEST,
                        written,
                        text.into(),
                        None,
                    )
                }
            },
            Err(error) => failed(error, written),
        },
        _ => match server.activate_code(order, visit.by().admin(None)).await {
            Ok(done) => installed(visit, &done),
            Err(error) => failed(error, written),
        },
    }
}

/// The connected carriers that a licence can be put on: number, and what it is called.
fn carriers(server: &Server) -> Vec<(String, String)> {
    let seen = server.keys.carriers.seen().into_iter();
    let hide_full = server.conf().console.hide_full;
    seen.filter(|seen| seen.error.is_none() && !seen.about.read_only)
        .filter(|seen| !(hide_full && seen.full))
        .map(|seen| (seen.about.number.to_string(), seen.about.name))
        .collect()
}

fn order(visit: &Visit, written: &Written) -> Result<Order, String> {
    let code = ActivationCode::parse(&written.code)
        .map_err(|error| visit.lang.pick(error.to_string(), error.russian()))?;
    let owner = |error: protocol::owner::OwnerError| {
        visit
            .lang
            .pick(error.to_string(), error.russian().to_owned())
    };
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let itn = some(&written.itn).map(|text| text.parse());
    let iec = some(&written.iec).map(|text| text.parse());
    Ok(Order {
        code,
        itn: itn.transpose().map_err(owner)?,
        iec: iec.transpose().map_err(owner)?,
        series: posted::series(visit, &written.series)?,
        carrier: some(&written.blank)
            .map(|text| text.parse())
            .transpose()
            .map_err(|_| {
                visit.t(
                    "The carrier's number is none; choose one of the list.",
                    "Номер носителя неверен; выберите его из списка.",
                )
            })?,
    })
}

/// An SVG document as a part of a page.
pub(super) fn inline(svg: &str) -> String {
    svg.split_once("?>")
        .map_or(svg, |(_, rest)| rest)
        .to_owned()
}

/// A file for the visitor.
pub(super) fn download(bytes: Vec<u8>, name: &'static str) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    as_attachment(headers, name);
    response
}

/// Has an answer kept as a file of that name, which is one of ours: letters, digits and dots.
pub(super) fn as_attachment(headers: &mut HeaderMap, name: &str) {
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
}

/// The computer's own request, for a vendor who issues licences by hand.
pub(super) async fn request(State(server): State<Arc<Server>>, posted: Posted) -> Response {
    let visit = &posted.visit;
    let ring = Arc::clone(&server);
    let made = tokio::task::spawn_blocking(move || ring.keys.request(now().seconds())).await;
    match made {
        Ok(Ok(bytes)) => download(bytes, "computer.request"),
        failed => {
            if let Ok(Err(error)) = failed {
                log::error!("{error}");
            }
            page::problem(
                visit,
                StatusCode::SERVICE_UNAVAILABLE,
                visit.t("The request was not made", "Запрос не сделан"),
                visit.t(
                    "The server cannot write its holder key; its log says more.",
                    "Сервер не может записать ключ держателя; подробности в журнале работы.",
                ),
            )
        }
    }
}

/// A file: a licence, or the centre's answer.
pub(super) async fn upload(State(server): State<Arc<Server>>, request: Request) -> Response {
    let (visit, file) = match file(&server, request).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let by = visit.by().admin(None);
    let failed = |text| {
        show(
            &server,
            &visit,
            StatusCode::BAD_REQUEST,
            Written::default(),
            text,
            None,
        )
    };
    match Kind::of(&file) {
        Some(Kind::Answer | Kind::Refusal) => match server.accept_answer(file, by).await {
            Ok(Accepted::Installed(done)) => installed(&visit, &done),
            // Whoever signs in is told the code on the page of moving.
            Ok(Accepted::GivenBack(_)) if visit.who.is_none() => {
                door::sign_in_first(&visit, "/licences/reserve")
            }
            Ok(Accepted::GivenBack(code)) => given_back(&visit, &code),
            Err(error) => failed(error.text(visit.lang)),
        },
        Some(Kind::Licence) => match server.install_licence(file, by).await {
            Ok(done) => installed(&visit, &done),
            Err(error) => failed(error.text(visit.lang)),
        },
        _ => failed(
            visit.t(
                "The file is neither a licence nor the licence centre's answer. Choose the file that the vendor sent.",
                "Файл не является ни лицензией, ни ответом центра лицензирования. Выберите файл, присланный поставщиком.",
            )
            .into(),
        ),
    }
}

/// The form with a file: its fields are read within the limit, and its token is looked at before the file is.
async fn file(server: &Arc<Server>, request: Request) -> Result<(Visit, Vec<u8>), Response> {
    let visit = posted::visit(&request).ok_or_else(posted::lost)?;
    let unreadable = || {
        page::problem(
            &visit,
            StatusCode::BAD_REQUEST,
            visit.t("The file cannot be read", "Файл не удалось прочитать"),
            visit.t("It is too large, or it did not come whole. Choose the file that the vendor sent and try again.", "Он слишком велик или пришёл не целиком. Выберите файл, присланный поставщиком, и повторите."),
        )
    };
    let Ok(mut form) = Multipart::from_request(request, server).await else {
        return Err(unreadable());
    };
    let (mut token, mut picture, mut letters, mut file) =
        (String::new(), String::new(), String::new(), None);
    for _ in 0..8 {
        let Some(field) = form.next_field().await.map_err(|_| unreadable())? else {
            break;
        };
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(|_| unreadable())?;
        let text = || String::from_utf8_lossy(&bytes).into_owned();
        match name.as_str() {
            "token" => token = text(),
            "picture" => picture = text(),
            "letters" => letters = text(),
            "file" => file = Some(bytes.to_vec()),
            _ => {}
        }
    }
    if let Some(refused) = posted::check(server, &visit, &token, &picture, &letters) {
        return Err(refused);
    }
    match file {
        Some(file) => Ok((visit, file)),
        None => Err(unreadable()),
    }
}
