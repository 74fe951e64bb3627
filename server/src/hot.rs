//! Settings that are saved while the server runs: taken up within two seconds, or said to wait for the next start.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    access::SignedIn,
    accounting::{Event, EventKind},
    conf::{self, Conf},
    server::Server,
    store::StoreError,
};

/// What a look at the file shows.
type Seen = Option<(u64, Option<SystemTime>)>;

/// Looks at the file again and again.
pub(crate) struct ConfWatch {
    file: PathBuf,
    /// What the file showed when it was read.
    read: Seen,
    /// What it showed at the last look: two looks that agree, and nobody is writing it.
    last: Seen,
}

impl ConfWatch {
    /// Watches a file whose settings are in use already.
    pub(crate) fn new(file: PathBuf) -> Self {
        let mut watch = Self {
            file,
            read: None,
            last: None,
        };
        watch.read = watch.look();
        watch.last = watch.read;
        watch
    }

    fn look(&self) -> Seen {
        let metadata = std::fs::metadata(&self.file).ok()?;
        Some((metadata.len(), metadata.modified().ok()))
    }

    /// Whether the file was saved since it was read last. A file that is gone changes nothing.
    fn saved(&mut self) -> bool {
        let look = self.look();
        let steady = std::mem::replace(&mut self.last, look) == look;
        steady && look.is_some() && look != self.read
    }

    /// Takes the settings up if the file was saved.
    ///
    /// # Errors
    /// Those of the journal; the settings are in use then.
    pub(crate) async fn tick(&mut self, server: &Server) -> Result<(), StoreError> {
        if !self.saved() {
            return Ok(());
        }
        self.read = self.last;
        let file = self.file.clone();
        // Hashing a password takes its time.
        let loaded = tokio::task::spawn_blocking(move || conf::load(&file)).await;
        match loaded {
            Ok(Ok(conf)) => {
                // A plain password was replaced by its hash: that is no further change.
                self.read = self.look();
                self.last = self.read;
                server.take_up(conf, None).await
            }
            Ok(Err(error)) => {
                let lang = server.conf().lang;
                log::error!(
                    "{}; {}",
                    error.text(lang),
                    lang.pick(
                        "the former settings stay in use",
                        "действуют прежние настройки"
                    )
                );
                Ok(())
            }
            Err(error) => {
                log::error!("the settings were not read: {error}");
                Ok(())
            }
        }
    }
}

impl Server {
    /// Uses other settings from now on, as far as that can be done while running. `by` changed them, if it was not somebody
    /// with an editor.
    ///
    /// # Errors
    /// Those of the journal; the settings are in use then.
    pub(crate) async fn take_up(
        &self,
        conf: Conf,
        by: Option<&SignedIn>,
    ) -> Result<(), StoreError> {
        let before = self.conf();
        if *before == conf {
            return Ok(());
        }
        let differing = differing(&before, &conf);
        let names = |wanted: fn(bool) -> bool| {
            let names = differing.iter().filter(|(_, waits)| wanted(*waits));
            names.map(|(name, _)| *name).collect::<Vec<_>>().join(",")
        };
        let (changed, waiting) = (names(|_| true), names(|waits| waits));
        if !waiting.is_empty() {
            log::warn!("changed settings wait for the next start: {waiting}");
        }
        self.store.set_rules(conf.rules.clone());
        self.replace_conf(Arc::new(conf));
        log::info!("the settings were changed and are in use: {changed}");
        let mut data = format!("changed={changed}");
        if !waiting.is_empty() {
            data += &format!(" waiting={waiting}");
        }
        let mut event = Event::new(EventKind::SettingsChanged).saying(&data);
        if let Some(by) = by {
            event.user_name = by.user_name.as_str().into();
            event.computer_name = by.address.as_str().into();
        }
        self.journal.note(None, event).await
    }

    /// Whether some of these settings wait for the next start.
    pub(crate) fn waits_for_start(&self, conf: &Conf) -> bool {
        differing(&self.conf(), conf)
            .iter()
            .any(|(_, waits)| *waits)
    }
}

/// The names of the settings that differ, and whether they wait for the next start.
fn differing(before: &Conf, after: &Conf) -> Vec<(&'static str, bool)> {
    let (access, other) = (&before.access, &after.access);
    let (console, page) = (&before.console, &after.console);
    let (codes, new_codes) = (&before.rules.access_codes, &after.rules.access_codes);
    let all = [
        ("ServerAddr", true, before.server_addr != after.server_addr),
        ("ServerPort", true, before.server_port != after.server_port),
        ("SeriesFile", true, before.series_file != after.series_file),
        ("[TLS]", true, before.tls != after.tls),
        ("[UPKey]", true, before.upkey != after.upkey),
        ("Lang", false, before.lang != after.lang),
        ("Logs", false, before.keep != after.keep),
        ("[Sessions]", false, sessions(before) != sessions(after)),
        ("[AccessCodes]", false, codes != new_codes),
        ("UserName", false, before.user_name != after.user_name),
        ("Password", false, before.password != after.password),
        (
            "LocalAccessOnly",
            false,
            access.local_only != other.local_only,
        ),
        ("AllowedAddresses", false, access.allowed != other.allowed),
        (
            "CheckDNSRebinding",
            false,
            access.check_rebinding != other.check_rebinding,
        ),
        ("HostNames", false, access.host_names != other.host_names),
        ("[Console]", false, console != page),
        ("[API]", false, before.api_enabled != after.api_enabled),
        (
            "[Journal]",
            false,
            before.keep_events_days != after.keep_events_days,
        ),
        ("LicenceCenter", false, before.centre != after.centre),
    ];
    let changed = all.into_iter().filter(|(_, _, differs)| *differs);
    changed.map(|(name, waits, _)| (name, waits)).collect()
}

fn sessions(conf: &Conf) -> ([Duration; 4], &[String]) {
    let rules = &conf.rules;
    let times = [conf.heartbeat, conf.expire, conf.grace, rules.linger];
    (times, &rules.free_app_names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        accounting::{
            Claim, Command, Connection, ConnectionId, Denial, Moment, OperationId, Outcome,
            SessionId, TokenHash,
        },
        keys::tests as vendors,
        store::EventQuery,
    };

    async fn server(folder: &std::path::Path, text: &str) -> (Arc<Server>, ConfWatch) {
        let vendor = vendors::vendor(protocol::KeyId(0x672B));
        let places = vendors::place(folder, &vendor);
        std::fs::write(places.conf(), text).unwrap();
        let conf = conf::load(&places.conf()).unwrap();
        let watch = ConfWatch::new(places.conf());
        (Server::open(places, conf).await.unwrap(), watch)
    }

    #[tokio::test]
    async fn a_saved_conf_is_taken_up_with_the_second_look_and_a_bad_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (server, mut watch) = server(folder.path(), "[API]\nEnabled=1\n").await;
        watch.tick(&server).await.unwrap();
        std::fs::write(
            server.places.conf(),
            "[API]\nEnabled=0\n[Common]\nServerPort=9100\n[Console]\nPassword=another\n",
        )
        .unwrap();
        watch.tick(&server).await.unwrap();
        assert!(
            server.conf().api_enabled,
            "the file may still be half written"
        );
        watch.tick(&server).await.unwrap();
        let conf = server.conf();
        assert!(!conf.api_enabled && conf.password.verifies("another"));
        let text = std::fs::read_to_string(server.places.conf()).unwrap();
        assert!(text.contains("Password=$argon2id$"), "{text}");
        let query = EventQuery {
            kinds: vec![EventKind::SettingsChanged],
            limit: 10,
            ..EventQuery::default()
        };
        let page = server.journal.events(query.clone()).await.unwrap();
        assert_eq!(
            &*page.rows[0].event.data,
            "changed=ServerPort,Password,[API] waiting=ServerPort"
        );
        std::fs::write(server.places.conf(), "[API]\nEnabled=perhaps\n").unwrap();
        for _ in 0..4 {
            watch.tick(&server).await.unwrap();
        }
        assert_eq!(*server.conf(), *conf);
        let page = server.journal.events(query).await.unwrap();
        assert_eq!(
            page.rows.len(),
            1,
            "its own hash and a bad file are no changes"
        );
    }

    #[tokio::test]
    async fn changed_rules_are_in_force_for_the_next_command() {
        let folder = tempfile::tempdir().unwrap();
        let (server, _) = server(folder.path(), "").await;
        let key_id = protocol::KeyId(0x672B);
        let connection = Connection {
            id: ConnectionId::random(),
            facts: protocol::facts::ComponentFacts::default(),
            peer_ip: String::new(),
            created: Moment(0),
            access_code: "".into(),
            token: TokenHash([0; 32]),
            previous_token: None,
            owner: None,
        };
        let id = connection.id;
        let connect = Command::Connect {
            operation: OperationId::random(),
            connection: Box::new(connection),
        };
        server.store.apply(key_id, connect).await.unwrap();
        let claim = Command::Acquire(Box::new(Claim {
            operation: OperationId::random(),
            connection: id,
            session: SessionId::random(),
            facts: protocol::facts::SessionFacts::default(),
            flags: 0,
        }));
        let denied = server.store.apply(key_id, claim.clone()).await.unwrap();
        assert_eq!(denied, Outcome::Denied(Denial::NoLicence));
        let mut conf = Conf::clone(&server.conf());
        conf.rules.access_codes = Some(Default::default());
        server.take_up(conf, None).await.unwrap();
        let denied = server.store.apply(key_id, claim).await.unwrap();
        assert_eq!(denied, Outcome::Denied(Denial::UnknownCode));
    }
}
