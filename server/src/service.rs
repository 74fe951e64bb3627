//! The Windows service: how the Service Control Manager starts and stops the server, and how the service gets there.

use std::{
    env,
    ffi::{OsStr, OsString},
    sync::{Arc, OnceLock},
    thread,
    time::{Duration, Instant},
};

use clap::Subcommand;
use tokio::sync::Notify;
use windows_service::{
    Error, define_windows_service,
    service::{
        Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceControl,
        ServiceControlAccept, ServiceErrorControl, ServiceExitCode, ServiceFailureActions,
        ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceState, ServiceStatus,
        ServiceType,
    },
    service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle},
    service_dispatcher,
    service_manager::{ServiceManager, ServiceManagerAccess},
};

use crate::{cli, server::Server, supervisor::Supervisor};

const NAME: &str = "licenceserver";
const TITLE: &str = "Licence server for 1C:Enterprise (СЛК)";
const DESCRIPTION: &str =
    "Counts the seats of protected 1C:Enterprise configurations. Console: http://localhost:9099";
/// An account that may use the network and little else; the installer opens the server's folders to it.
const ACCOUNT: &str = r"NT AUTHORITY\LocalService";
/// How long the server may take to come up or to go.
const PATIENCE: Duration = Duration::from_secs(30);
const NO_SUCH_SERVICE: i32 = 1060;
const ALREADY_RUNNING: i32 = 1056;
const NOT_ACTIVE: i32 = 1062;
/// It is on its way up or down.
const NOT_NOW: i32 = 1061;

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Command {
    /// Registers the service, or renews its registration, and starts it
    Install,
    /// Stops the service
    Stop,
    /// Stops the service and takes it out of the system; keys and settings stay
    Uninstall,
    /// What Windows starts; it does not work at a command line
    #[command(hide = true)]
    Run,
}

/// Does what the command says.
pub(crate) fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Install => install(),
        Command::Stop => with_service(stop),
        Command::Uninstall => with_service(|service| {
            stop(service)?;
            service.delete()
        }),
        Command::Run => service_dispatcher::start(NAME, ffi_service_main),
    }
    .map_err(|error| match error {
        // The crate's own texts leave out what the system said.
        Error::Winapi(error) => format!("{error}{}", advice(&error)),
        other => other.to_string(),
    })
}

/// What to do about an error of the Service Control Manager, where its own text does not say it.
fn advice(error: &std::io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(5) => "; run it as an administrator",
        Some(NOT_NOW) => "; the service is on its way up or down: wait a minute, then try again",
        Some(1072) => {
            "; close the window Services and other programs that show the service, then try again"
        }
        _ => "",
    }
}

fn install() -> windows_service::Result<()> {
    let manager = ServiceManager::local_computer(
        None::<&OsStr>,
        ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE,
    )?;
    let info = ServiceInfo {
        name: NAME.into(),
        display_name: TITLE.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: env::current_exe().map_err(Error::Winapi)?,
        launch_arguments: vec!["service".into(), "run".into()],
        dependencies: Vec::new(),
        account_name: Some(ACCOUNT.into()),
        account_password: None,
    };
    let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START | ServiceAccess::QUERY_STATUS;
    let service = match manager.open_service(NAME, access) {
        Ok(service) => {
            service.change_config(&info)?;
            service
        }
        Err(_) => manager.create_service(&info, access)?,
    };
    service.set_description(DESCRIPTION)?;
    // A server that fell is started again: after 2 s, 10 s, then each minute; a day without a fall forgets them.
    let restart = |seconds| ServiceAction {
        action_type: ServiceActionType::Restart,
        delay: Duration::from_secs(seconds),
    };
    service.update_failure_actions(ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(Duration::from_secs(24 * 60 * 60)),
        reboot_msg: None,
        command: None,
        actions: Some(vec![restart(2), restart(10), restart(60)]),
    })?;
    if let Err(error) = service.set_failure_actions_on_non_crash_failures(true) {
        // The service works without it; only an exit with an error is not followed by a restart then.
        log::warn!("the service is not restarted after an error: {error}");
    }
    match service.start::<&OsStr>(&[]) {
        Err(Error::Winapi(error)) if error.raw_os_error() == Some(ALREADY_RUNNING) => {}
        other => other?,
    }
    wait_for(&service, ServiceState::Running)
}

/// Does something with the service; where there is none, nothing is to be done.
fn with_service(
    act: impl FnOnce(&Service) -> windows_service::Result<()>,
) -> windows_service::Result<()> {
    let manager = ServiceManager::local_computer(None::<&OsStr>, ServiceManagerAccess::CONNECT)?;
    let access = ServiceAccess::STOP | ServiceAccess::QUERY_STATUS | ServiceAccess::DELETE;
    match manager.open_service(NAME, access) {
        Ok(service) => act(&service),
        Err(Error::Winapi(error)) if error.raw_os_error() == Some(NO_SUCH_SERVICE) => Ok(()),
        Err(error) => Err(error),
    }
}

fn stop(service: &Service) -> windows_service::Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        match service.stop() {
            Err(Error::Winapi(error)) if error.raw_os_error() == Some(NOT_ACTIVE) => return Ok(()),
            Err(Error::Winapi(error))
                if error.raw_os_error() == Some(NOT_NOW) && Instant::now() < end =>
            {
                thread::sleep(Duration::from_millis(200));
            }
            other => {
                other?;
                break;
            }
        }
    }
    wait_for(service, ServiceState::Stopped)
}

fn wait_for(service: &Service, state: ServiceState) -> windows_service::Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let now = service.query_status()?.current_state;
        if now == state {
            return Ok(());
        }
        // A service that stops while it should start has written why into its log.
        let hopeless = state == ServiceState::Running && now == ServiceState::Stopped;
        if hopeless || Instant::now() >= end {
            return Err(Error::Winapi(std::io::Error::other(format!(
                "the service is {now:?} and not {state:?}; see licenceserver*.log in the logs folder"
            ))));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

define_windows_service!(ffi_service_main, service_main);

fn service_main(_arguments: Vec<OsString>) {
    let supervisor = Scm::default();
    let stop = Arc::clone(&supervisor.stop);
    let handler = move |control| match control {
        ServiceControl::Stop | ServiceControl::Shutdown => {
            stop.notify_one();
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    };
    // Without the manager there is nobody to report to.
    let Ok(status) = service_control_handler::register(NAME, handler) else {
        return;
    };
    if supervisor.status.set(status).is_err() {
        return;
    }
    supervisor.report(ServiceState::StartPending, ServiceExitCode::NO_ERROR);
    let exit = match cli::run(&supervisor) {
        Ok(()) => ServiceExitCode::NO_ERROR,
        // Its text is in the log.
        Err(_) => ServiceExitCode::ServiceSpecific(1),
    };
    supervisor.report(ServiceState::Stopped, exit);
}

/// The Service Control Manager.
#[derive(Default)]
struct Scm {
    stop: Arc<Notify>,
    status: OnceLock<ServiceStatusHandle>,
}

impl Scm {
    fn report(&self, current_state: ServiceState, exit_code: ServiceExitCode) {
        let Some(status) = self.status.get() else {
            return;
        };
        let pending = current_state == ServiceState::StartPending;
        let result = status.set_service_status(ServiceStatus {
            service_type: ServiceType::OWN_PROCESS,
            current_state,
            controls_accepted: if current_state == ServiceState::Running {
                ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN
            } else {
                ServiceControlAccept::empty()
            },
            exit_code,
            checkpoint: 0,
            wait_hint: if pending { PATIENCE } else { Duration::ZERO },
            process_id: None,
        });
        if let Err(error) = result {
            log::warn!("Windows cannot be told how the server is: {error}");
        }
    }
}

impl Supervisor for Scm {
    fn stop(&self) -> impl Future<Output = ()> + Send + 'static {
        let stop = Arc::clone(&self.stop);
        async move { stop.notified().await }
    }

    fn ready(&self, _server: &Arc<Server>) {
        self.report(ServiceState::Running, ServiceExitCode::NO_ERROR);
    }
}
