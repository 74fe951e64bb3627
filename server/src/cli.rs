//! The program's commands.

mod backup;
mod carriers;
mod centre;

use std::{
    ffi::OsString,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use protocol::{
    Version,
    files::{Access, write_whole},
};

use crate::{
    Server, StartError,
    conf::{self, Lang},
    keys, logs, now,
    places::Places,
    port,
    store::StoreError,
    supervisor::{Foreground, Supervisor},
};

/// licenceserver: counts the seats of protected 1C configurations.
#[derive(Debug, Parser)]
#[command(
    name = "licenceserver",
    disable_version_flag = true,
    arg_required_else_help = true
)]
struct Arguments {
    /// Runs in the foreground; the same as `run`
    #[arg(short = 'r')]
    run: bool,
    /// Prints the version
    #[arg(short = 'V', long)]
    version: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs in the foreground until SIGTERM or Ctrl+C
    Run,
    /// Makes this computer's licence request, for the vendor
    Request {
        /// The file to write; the request is printed as text when it is missing
        file: Option<PathBuf>,
        /// The number of the connected carrier that is to hold the licence instead of this computer
        #[arg(long, value_name = "KEYNO")]
        blank: Option<u32>,
    },
    /// Lists the connected hardware carriers and the licences on them
    Carriers,
    /// Activates a code at the vendor's licence centre and installs the licence
    Activate(centre::Activate),
    /// Gives a key back and prints the reserve code that activates it on another computer
    Reserve(centre::Reserve),
    /// Renews the licences at the vendor's licence centre now
    Update,
    /// Checks a licence, or an answer of the licence centre, and installs it
    Install {
        /// The file from the vendor
        file: PathBuf,
    },
    /// Writes the whole server into one file, under a passphrase, while it works on
    Backup(backup::Backup),
    /// Brings a server back from its backup; on another computer its software licences stay behind
    Restore(backup::Backup),
    /// Looks at ports, rights, clock, store, binding, keys and settings, changes nothing, and says what to do
    Doctor,
    /// Asks the running server whether it can do its work now; ends with 0 when it can
    Ready,
    /// Prints the completion of this program's commands, for a shell
    Completion {
        /// The shell
        shell: Shell,
    },
    /// The Windows service
    #[cfg(windows)]
    #[command(subcommand)]
    Service(crate::service::Command),
}

/// Runs the program with these arguments; its exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let wrong = error.use_stderr();
            // Nobody reads a closed terminal.
            let _ = error.print();
            return u8::from(wrong);
        }
    };
    if arguments.version {
        println!("licenceserver {}", Version::CURRENT);
        return 0;
    }
    let result = match arguments.command {
        Some(Command::Request { file, blank }) => request(file.as_deref(), blank),
        Some(Command::Carriers) => carriers::list(),
        Some(Command::Activate(wanted)) => centre::activate(&wanted),
        Some(Command::Reserve(wanted)) => centre::reserve(&wanted),
        Some(Command::Update) => centre::update(),
        Some(Command::Install { file }) => install(&file),
        Some(Command::Backup(wanted)) => backup::backup(&wanted),
        Some(Command::Restore(wanted)) => backup::restore(&wanted),
        Some(Command::Doctor) => doctor(),
        Some(Command::Ready) => ready(),
        Some(Command::Run) => foreground(),
        Some(Command::Completion { shell }) => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "licenceserver", &mut io::stdout());
            Ok(())
        }
        #[cfg(windows)]
        Some(Command::Service(command)) => crate::service::run(command).map_err(Failure::from),
        None if arguments.run => foreground(),
        None => Err(String::from(
            "say run, request, activate, install, reserve, update, carriers, backup, restore, ready or doctor; --help tells more",
        )
        .into()),
    };
    match result {
        Ok(()) => 0,
        Err(Failure(lines)) => {
            for line in lines {
                eprintln!("licenceserver: {}", line.replace(['\r', '\n'], " "));
            }
            1
        }
    }
}

/// Why a command did nothing, a sentence a line.
pub(crate) struct Failure(Vec<String>);

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self(vec![message])
    }
}

fn doctor() -> Result<(), Failure> {
    let places = Places::of_system().map_err(|error| error.to_string())?;
    match crate::doctor::run(&places, &mut io::stdout().lock()) {
        Ok(true) => Ok(()),
        // The table has said it.
        Ok(false) => Err(Failure(Vec::new())),
        Err(error) => Err(error.to_string().into()),
    }
}

/// What health checks of containers run: they have no other program that could ask.
fn ready() -> Result<(), Failure> {
    let places = Places::of_system().map_err(|error| error.to_string())?;
    let (conf, _) =
        conf::look(&places.conf()).map_err(|error| Failure::from(error.text(Lang::English)))?;
    let address = crate::doctor::address(&places, &conf);
    // The page that monitors ask, and the one whose answer says why not.
    let bad = ["/readyz", "/systeminfo"].iter().find_map(|path| {
        let answer = address
            .and_then(|address| crate::doctor::ask(address, &address.to_string(), path))
            .unwrap_or_default();
        (!answer.starts_with("HTTP/1.1 200")).then_some(answer)
    });
    let Some(answer) = bad else {
        println!("ready");
        return Ok(());
    };
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let missing = conf.lang.pick(
        "no server of this computer answers; see licenceserver doctor",
        "сервер на этом компьютере не отвечает; см. licenceserver doctor",
    );
    let text = if head.is_empty() { missing } else { body };
    Err(String::from(text.trim_end()).into())
}

fn open() -> Result<(Places, conf::Conf), Failure> {
    let places = Places::of_system().map_err(|error| error.to_string())?;
    let conf = conf::load(&places.conf()).map_err(|error| {
        // The language is a setting of the file that cannot be read.
        Failure(
            [Lang::English, Lang::Russian]
                .map(|lang| error.text(lang))
                .into(),
        )
    })?;
    Ok((places, conf))
}

fn request(file: Option<&Path>, blank: Option<u32>) -> Result<(), Failure> {
    let (places, conf) = open()?;
    let ring = centre::ring(&places, &conf)?;
    let now = now().seconds();
    let bytes = match blank {
        Some(number) => ring.carrier_request(number, now),
        None => ring.request(now),
    };
    let bytes = bytes.map_err(|error| keys::centre::CentreError::from(error).text(conf.lang))?;
    match file {
        Some(file) => {
            write_whole(file, &bytes, Access::Shared)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            println!(
                "{}",
                conf.lang.pick(
                    format!(
                        "The request is written to {}. Send it to the vendor.",
                        file.display()
                    ),
                    format!(
                        "Запрос записан в {}. Отправьте его поставщику.",
                        file.display()
                    ),
                )
            );
            Ok(())
        }
        // As text, for a mail: the vendor's program reads files.
        None => writeln!(io::stdout(), "{}", data_encoding::BASE64.encode(&bytes))
            .map_err(|error| error.to_string().into()),
    }
}

fn install(file: &Path) -> Result<(), Failure> {
    if let Some(bytes) = centre::read_answer(file) {
        return centre::answer(&bytes);
    }
    let (places, conf) = open()?;
    let ring = centre::ring(&places, &conf)?;
    let installed = keys::install(&ring, file).map_err(|error| error.text(conf.lang))?;
    println!("{}", centre::installed_text(&installed, conf.lang));
    Ok(())
}

fn foreground() -> Result<(), Failure> {
    #[cfg(unix)]
    crate::owner::become_owner_of(&Places::of_system().map_err(|error| error.to_string())?.data)?;
    run(&Foreground)
}

/// One life of the server, from its settings to the end that the supervisor wants.
pub(crate) fn run(supervisor: &impl Supervisor) -> Result<(), Failure> {
    let (places, conf) = open()?;
    let log = logs::begin(&places.logs, conf.keep).map_err(|error| {
        format!(
            "the log in {} cannot be begun: {error}",
            places.logs.display()
        )
    })?;
    let lang = conf.lang;
    if let Err(error) = conf::add_new_settings(&places.conf()) {
        log::warn!(
            "{}; {}",
            error.text(lang),
            lang.pick(
                "settings that are new in this version are in licenceserver.conf.sample only",
                "настройки, появившиеся в этой версии, есть только в licenceserver.conf.sample"
            )
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("threads cannot be started: {error}"))?;
    let result = runtime
        .block_on(serve(places, conf, supervisor))
        .map_err(|error| {
            log::error!("{error}");
            explain(&error, lang)
        });
    log::logger().flush();
    drop(log);
    result.map_err(Failure::from)
}

async fn serve(
    places: Places,
    conf: conf::Conf,
    supervisor: &impl Supervisor,
) -> Result<(), StartError> {
    let lang = conf.lang;
    let stop = supervisor.stop();
    let listeners = Server::listen(&conf).await?;
    if conf.password.is_default() {
        log::warn!("the password is still admin: change it");
        eprintln!(
            "licenceserver: {}",
            lang.pick(
                "the password is still admin: write another Password= into [Console] of licenceserver.conf",
                "пароль всё ещё admin: задайте другой Password= в разделе [Console] файла licenceserver.conf",
            )
        );
    }
    let server = Server::open(places, conf).await?;
    let failed = |error| StartError::File(server.places.port(), error);
    let port = listeners.port().map_err(failed)?;
    if let Some(port) = listeners.tls_port().map_err(failed)? {
        log::info!("TLS is on port {port}");
    }
    let number = format!("{port}\n");
    if let Err(error) = write_whole(&server.places.port(), number.as_bytes(), Access::Shared) {
        // Only the doctor reads it, where the port is any free one. On a full disk who is seated stays seated.
        log::error!("{}: {error}", server.places.port().display());
    }
    log::info!("licenceserver {} listens on port {port}", Version::CURRENT);
    println!(
        "{}",
        lang.pick(
            format!("listening on http://127.0.0.1:{port}"),
            format!("сервер работает: http://127.0.0.1:{port}")
        )
    );
    // Whoever waits for the line reads it through a pipe.
    let _ = io::stdout().flush();
    supervisor.ready(&server);
    let port_file = server.places.port();
    Arc::clone(&server).serve(listeners, stop).await;
    // A later server may have written it anew; a missing one is what is wanted.
    let _ = std::fs::remove_file(port_file);
    log::info!("licenceserver stops");
    Ok(())
}

fn explain(error: &StartError, lang: Lang) -> String {
    if lang == Lang::English {
        return error.to_string();
    }
    match error {
        StartError::PortTaken { port: number, by } => {
            let by = by
                .as_ref()
                .map_or_else(|| port::UNSEEN.1.into(), |by| format!(": {by}"));
            format!(
                "порт {number} занят{by}; остановите эту программу или задайте другой ServerPort в licenceserver.conf"
            )
        }
        StartError::Listen { address, error } => format!(
            "адрес {address} недоступен: {error}; проверьте ServerAddr и ServerPort в licenceserver.conf"
        ),
        StartError::Store(StoreError::InUse(file)) => {
            format!("хранилище {file} занято другим сервером; остановите его")
        }
        StartError::Store(error) => format!("хранилище не открывается: {error}"),
        StartError::Keys(error) => format!("папка ключей: {error}"),
        StartError::Tls(error) => format!("TLS не работает: {error}"),
        StartError::File(path, error) => format!("{} не записывается: {error}", path.display()),
    }
}
