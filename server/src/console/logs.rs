//! GET /logs: the server's own logs, their end, and what comes. GET /logs/{file}: one as a whole.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::Path as FilePath,
    sync::Arc,
    time::SystemTime,
};

use askama::Template;
use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;

use super::{install, page, paging::Asked, visit::Visit, words};
use crate::{logs, server::Server};

/// How much of a log's end is shown, in bytes.
const SHOWN: u64 = 192 * 1024;
/// A part of a file on its way to the visitor.
const PART: usize = 64 * 1024;

#[derive(Template)]
#[template(path = "logs.html")]
struct Page<'p> {
    v: &'p Visit,
    files: Vec<(String, String, bool)>,
    chosen: String,
    search: String,
    lines: Vec<(String, &'static str)>,
    cut: bool,
    follow: bool,
    address: String,
}

/// The page.
pub(super) async fn page(
    State(server): State<Arc<Server>>,
    visit: Visit,
    asked: Asked,
) -> Response {
    let folder = server.places.logs.clone();
    let (wanted, search) = (asked.get("file").to_owned(), asked.search());
    let words = search.to_lowercase();
    let read = move || {
        let files = files(&folder);
        let chosen = files
            .iter()
            .find(|(name, _)| *name == wanted)
            .or(files.first())
            .map_or_else(String::new, |(name, _)| name.clone());
        let (text, cut) = if chosen.is_empty() {
            (String::new(), false)
        } else {
            end_of(&folder.join(&chosen)).unwrap_or_default()
        };
        let lines = text
            .lines()
            .filter(|line| words.is_empty() || line.to_lowercase().contains(&words))
            .map(|line| (line.to_owned(), level(line)))
            .collect();
        (files, chosen, lines, cut)
    };
    let Ok((files, chosen, lines, cut)) = tokio::task::spawn_blocking(read).await else {
        return page::gone(&visit, "");
    };
    let follow = asked.get("follow") != "0";
    page::show(&Page {
        files: files
            .into_iter()
            .map(|(name, size)| {
                let here = name == chosen;
                (name, size_text(&visit, size), here)
            })
            .collect(),
        address: visit.link(&asked.with(&visit, &[("follow", if follow { "0" } else { "" })])),
        v: &visit,
        chosen,
        search,
        lines,
        cut,
        follow,
    })
}

fn size_text(visit: &Visit, size: u64) -> String {
    match size {
        0..1024 => format!("{size} {}", visit.t("B", "Б")),
        1024..1_048_576 => format!("{} {}", size / 1024, visit.t("KB", "КБ")),
        _ => format!(
            "{} {}",
            words::grouped(size / 1_048_576),
            visit.t("MB", "МБ")
        ),
    }
}

/// The logs of the server, the latest written first.
fn files(folder: &FilePath) -> Vec<(String, u64)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(SystemTime, String, u64)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let metadata = entry.metadata().ok()?;
            let ours = logs::is_ours(&name) && metadata.is_file();
            ours.then(|| {
                (
                    metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                    name,
                    metadata.len(),
                )
            })
        })
        .collect();
    found.sort_by(|one, other| other.cmp(one));
    found
        .into_iter()
        .map(|(_, name, size)| (name, size))
        .collect()
}

/// The end of a file, from the beginning of a line on, and whether there is more before.
fn end_of(file: &FilePath) -> io::Result<(String, bool)> {
    let mut file = File::open(file)?;
    let size = file.metadata()?.len();
    let cut = size > SHOWN;
    file.seek(SeekFrom::Start(size.saturating_sub(SHOWN)))?;
    let mut bytes = Vec::new();
    file.take(SHOWN).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let whole = match text.split_once('\n') {
        Some((_, rest)) if cut => rest.to_owned(),
        _ => text,
    };
    Ok((whole, cut))
}

fn level(line: &str) -> &'static str {
    if line.contains("[ERROR]") {
        "error"
    } else if line.contains("[WARN]") {
        "warn"
    } else {
        ""
    }
}

/// A log as a file.
pub(super) async fn download(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    visit: Visit,
) -> Response {
    let path = server.places.logs.join(&name);
    // A name of ours has no way to another folder in it.
    let opened = if logs::is_ours(&name) {
        tokio::task::spawn_blocking(move || File::open(path))
            .await
            .ok()
    } else {
        None
    };
    let Some(Ok(file)) = opened else {
        let text = visit.t(
            "There is no such log; it may have been cleared away.",
            "Такого файла нет; возможно, он уже удалён.",
        );
        return page::gone(&visit, text);
    };
    let parts = stream::unfold(file, |mut file| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut part = vec![0; PART];
            let count = file.read(&mut part)?;
            part.truncate(count);
            Ok::<_, io::Error>((part, file))
        });
        match read.await {
            Ok(Ok((part, file))) if !part.is_empty() => Some((Ok::<_, io::Error>(part), file)),
            _ => None,
        }
    });
    let mut response = Body::from_stream(parts).into_response();
    install::as_attachment(response.headers_mut(), &name);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}
