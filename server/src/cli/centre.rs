//! Commands that speak with the vendor's licence centre.

use std::path::{Path, PathBuf};

use clap::Args;
use protocol::{
    KeyId,
    centre::{MAX_ANSWER, Reply},
    code::{ActivationCode, CodeError},
    files::{Access, read_limited, write_whole},
    owner::{Iec, Itn, OwnerError},
};

use super::{Failure, open};
use crate::{
    carriers::Carriers,
    conf::{self, Conf, Lang},
    keys::{
        Installed, KeyRing,
        centre::{self, Accepted, CentreError, Link, Order},
    },
    now,
    places::Places,
};

/// What is to be activated.
#[derive(Debug, Args)]
pub(super) struct Activate {
    /// The activation code, in any case, with hyphens or without
    code: String,
    /// The owner's ITN (ИНН)
    #[arg(long)]
    itn: Option<String>,
    /// The owner's IEC (КПП)
    #[arg(long)]
    iec: Option<String>,
    /// The series that the code should be of
    #[arg(long, value_name = "KEYID")]
    serie: Option<KeyId>,
    /// The number of the connected carrier that is to hold the licence; `carriers` lists them
    #[arg(long, value_name = "KEYNO")]
    blank: Option<u32>,
    /// Asks nobody: writes a request for the vendor into this file, whose answer is then installed by `install`
    #[arg(long, value_name = "FILE")]
    offline: Option<PathBuf>,
    /// Writes the request as a picture too, an SVG with a QR code
    #[arg(long, value_name = "FILE", requires = "offline")]
    qr: Option<PathBuf>,
}

/// A server's keys, for a command.
pub(super) fn ring(places: &Places, conf: &Conf) -> Result<KeyRing, Failure> {
    let ring = KeyRing::open(places, conf.series_file.clone())
        .map_err(|error| CentreError::from(error).text(conf.lang))?
        .with_carriers(Carriers::new(&conf.upkey));
    ring.look_at_carriers(now().seconds());
    Ok(ring)
}

pub(super) fn activate(wanted: &Activate) -> Result<(), Failure> {
    let (places, conf) = open()?;
    let lang = conf.lang;
    let order = order(wanted, lang)?;
    let ring = ring(&places, &conf)?;
    let failed = |error: CentreError| Failure::from(error.text(lang));
    let Some(file) = &wanted.offline else {
        let link = Link::of_order(&conf.centre, &ring, order.series).map_err(failed)?;
        let installed = centre::activate(&ring, &link, &order, now().seconds()).map_err(failed)?;
        println!("{}", installed_text(&installed, lang));
        return Ok(());
    };
    let request = centre::prepare(&ring, &order, now().seconds()).map_err(failed)?;
    hand_out(&request, file, wanted.qr.as_deref(), lang)?;
    println!(
        "{}",
        lang.pick(
            format!(
                "The request is written to {}. Send it to the vendor, and install his answer by `licenceserver install FILE`. It holds the activation code: show it to nobody else.",
                file.display()
            ),
            format!(
                "Запрос записан в {}. Отправьте его поставщику и установите его ответ командой `licenceserver install ФАЙЛ`. В запросе есть код активации: не показывайте его другим.",
                file.display()
            ),
        )
    );
    Ok(())
}

fn order(wanted: &Activate, lang: Lang) -> Result<Order, Failure> {
    let code = ActivationCode::parse(&wanted.code)
        .map_err(|error: CodeError| lang.pick(error.to_string(), error.russian()))?;
    let owner = |error: OwnerError| lang.pick(error.to_string(), error.russian().to_owned());
    let itn = wanted.itn.as_deref().map(str::parse::<Itn>);
    let iec = wanted.iec.as_deref().map(str::parse::<Iec>);
    Ok(Order {
        code,
        itn: itn.transpose().map_err(owner)?,
        iec: iec.transpose().map_err(owner)?,
        series: wanted.serie,
        carrier: wanted.blank,
    })
}

/// Which key is given back.
#[derive(Debug, Args)]
pub(super) struct Reserve {
    /// The key's number
    key_no: u32,
    /// Its series, where keys of several series have that number
    #[arg(long, value_name = "KEYID")]
    serie: Option<KeyId>,
    /// Asks nobody: writes the key that is given back into this file, for the vendor
    #[arg(long, value_name = "FILE")]
    offline: Option<PathBuf>,
    /// Writes that as a picture too, an SVG with a QR code
    #[arg(long, value_name = "FILE", requires = "offline")]
    qr: Option<PathBuf>,
}

pub(super) fn reserve(wanted: &Reserve) -> Result<(), Failure> {
    let (places, conf) = open()?;
    let lang = conf.lang;
    let ring = ring(&places, &conf)?;
    let failed = |error: CentreError| Failure::from(error.text(lang));
    let now = now().seconds();
    let key = centre::which(&ring, wanted.key_no, wanted.serie)
        .map_err(|error| Failure::from(error.text(lang)))?;
    let Some(file) = &wanted.offline else {
        let link = Link::of_series(&conf.centre, &ring, key.0).map_err(failed)?;
        let code = centre::reserve(&ring, &link, key, now).map_err(failed)?;
        println!("{}", reserve_text(&code, lang));
        return Ok(());
    };
    let (request, code) = centre::reserve_offline(&ring, key, now).map_err(failed)?;
    hand_out(&request, file, wanted.qr.as_deref(), lang)?;
    let (code, file) = (code.reveal(), file.display());
    println!(
        "{}",
        lang.pick(
            format!("The key works here no more. Its reserve code, once the vendor has taken {file}: {code}. Install the vendor's answer here by `licenceserver install FILE`."),
            format!("Ключ здесь больше не работает. Его резервный код, когда поставщик примет {file}: {code}. Установите здесь ответ поставщика командой `licenceserver install ФАЙЛ`."),
        )
    );
    Ok(())
}

fn reserve_text(code: &ActivationCode, lang: Lang) -> String {
    let code = code.reveal();
    lang.pick(
        format!("The key is given back. Its reserve code: {code}"),
        format!("Ключ отдан. Его резервный код: {code}"),
    )
}

pub(super) fn update() -> Result<(), Failure> {
    let (places, conf) = open()?;
    let lang = conf.lang;
    let ring = ring(&places, &conf)?;
    let now = now().seconds();
    let mut failures = Vec::new();
    let installed = ring.installed();
    let renewable = installed.iter().filter(|one| centre::is_renewable(one));
    for (installed, key_id) in renewable.filter_map(|one| Some((one, one.key_id?))) {
        let renewed = Link::of_series(&conf.centre, &ring, key_id)
            .and_then(|link| centre::renew(&ring, &link, installed, now));
        match renewed {
            Ok(_) => println!(
                "{}",
                lang.pick(
                    format!("Renewed: {}", installed.file.display()),
                    format!("Обновлено: {}", installed.file.display()),
                )
            ),
            Err(error) => failures.push(format!(
                "{}: {}",
                installed.file.display(),
                error.text(lang)
            )),
        }
    }
    if failures.len() < installed.len() {
        conf::note_update(&places.conf(), now).map_err(|error| error.text(lang))?;
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(Failure(failures))
    }
}

/// Writes a request for the vendor, and its picture.
fn hand_out(
    request: &[u8],
    file: &Path,
    picture: Option<&Path>,
    lang: Lang,
) -> Result<(), Failure> {
    let failed = |path: &Path, error| CentreError::File(path.into(), error).text(lang);
    write_whole(file, request, Access::Owner).map_err(|error| failed(file, error))?;
    if let Some(picture) = picture {
        let svg = centre::svg(request).ok_or_else(|| {
            lang.pick(
                "the request is too large for a QR code; send the file".to_owned(),
                "запрос не помещается в QR-код; отправьте файл".to_owned(),
            )
        })?;
        write_whole(picture, svg.as_bytes(), Access::Owner)
            .map_err(|error| failed(picture, error))?;
    }
    Ok(())
}

/// Takes a centre's answer from a file.
pub(super) fn answer(bytes: &[u8]) -> Result<(), Failure> {
    let (places, conf) = open()?;
    let lang = conf.lang;
    let failed = |error: CentreError| Failure::from(error.text(lang));
    let reply = Reply::from_bytes(bytes).map_err(|error| failed(CentreError::Answer(error)))?;
    let ring = ring(&places, &conf)?;
    match centre::accept(&ring, reply).map_err(failed)? {
        Accepted::Installed(installed) => println!("{}", installed_text(&installed, lang)),
        Accepted::GivenBack(code) => println!("{}", reserve_text(&code, lang)),
    }
    Ok(())
}

/// The bytes of a file that may be a centre's answer.
pub(super) fn read_answer(file: &Path) -> Option<Vec<u8>> {
    use protocol::envelope::Kind;
    let bytes = read_limited(file, MAX_ANSWER).ok()?;
    matches!(Kind::of(&bytes), Some(Kind::Answer | Kind::Refusal)).then_some(bytes)
}

/// What is said of a licence that was installed.
pub(super) fn installed_text(installed: &Installed, lang: Lang) -> String {
    let licence = installed.licence.as_ref();
    let count = licence.map_or(0, |licence| licence.voucher.licence_count);
    let again = licence.is_some_and(|licence| licence.private.recovered == Some(true));
    let file = installed.file.display();
    let (english, russian) = if again {
        ("Installed again", "Установлено повторно")
    } else {
        ("Installed", "Установлено")
    };
    lang.pick(
        format!("{english}: {file} ({count} seats). A running server takes it up within seconds."),
        format!("{russian}: {file} (лицензий: {count}). Работающий сервер учтёт его через несколько секунд."),
    )
}
