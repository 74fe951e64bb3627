//! A centre that was restored knows less than it did, and harms nobody by that.

use super::*;

const PHRASE: &str = "слово";

/// What the centre answers, the bytes of the answer looked at for a signature.
fn answered(scene: &mut Scene, message: &Message, by: &Server) -> (bool, u16) {
    let bytes = message.to_bytes(&by.signing).unwrap();
    let exchanged = scene.centre.exchange(&bytes, "192.0.2.1", NOW + 9 * DAY);
    let signed = matches!(
        Reply::from_bytes(&exchanged.bytes).unwrap(),
        Reply::Answer(_)
    );
    (signed, exchanged.refusal.unwrap().reason)
}

/// The centre as a backup has it, in a folder of its own.
fn restore(scene: &mut Scene, file: &std::path::Path) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("restored");
    crate::centre::backup::restore(&place, file, PHRASE, "test", NOW + 8 * DAY).unwrap();
    scene.centre = Centre::open(&place).unwrap();
    scene.centre.unlock(PHRASE).unwrap();
    scene._folder = folder;
}

#[test]
fn a_restored_centre_gives_out_no_number_twice_and_ends_no_licence_that_it_does_not_know() {
    let mut scene = Scene::new(Policy::default());
    let (before, holder, gave_back) = (scene.code(), Server::new("old"), Server::new("back"));
    let outcome = scene.activate(&before, &holder, NOW);
    let known = scene.licence(outcome);
    let other = scene.code();
    let outcome = scene.activate(&other, &gave_back, NOW);
    let returned = scene.licence(outcome);
    let release = gave_back.release(&returned, &ActivationCode::random());
    assert_eq!(scene.ask(&release, &gave_back, NOW), Outcome::Released);
    let file = scene.centre.folder.join("backup");
    scene.centre.backup(&file, PHRASE, "test", NOW).unwrap();
    // After the backup a key moves, and another one is sold and activated.
    let reserve = ActivationCode::random();
    let outcome = scene.ask(&holder.release(&known, &reserve), &holder, NOW + DAY);
    assert_eq!(outcome, Outcome::Released);
    let newcomer = Server::new("new");
    let outcome = scene.activate(&reserve, &newcomer, NOW + DAY);
    let moved = scene.licence(outcome);
    let sold = scene.code();
    let outcome = scene.activate(&sold, &newcomer, NOW + DAY);
    let late = scene.licence(outcome);
    restore(&mut scene, &file);
    let restored = CentreReason::CentreRestored as u16;
    for licence in [&moved, &late] {
        let answer = answered(&mut scene, &newcomer.update(licence), &newcomer);
        assert_eq!(answer, (false, restored));
        let release = newcomer.release(licence, &ActivationCode::random());
        assert_eq!(answered(&mut scene, &release, &newcomer), (false, restored));
    }
    // What was given back before the backup stays so.
    let answer = answered(&mut scene, &gave_back.update(&returned), &gave_back);
    assert_eq!(answer, (true, CentreReason::NotTheHolder as u16));
    assert_eq!(scene.events("restored").len(), 1);
    let next = scene.code();
    let outcome = scene.activate(&next, &holder, NOW + 9 * DAY);
    let number = scene.licence(outcome).voucher.key_no;
    assert!(number > late.voucher.key_no + 1000, "{number}");
}

#[test]
fn what_is_left_of_an_earlier_centre_stops_a_restore() {
    let mut scene = Scene::new(Policy::default());
    let file = scene.centre.folder.join("backup");
    scene.centre.backup(&file, PHRASE, "test", NOW).unwrap();
    for end in ["wal", "shm"] {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(format!("centre.db-{end}"));
        std::fs::write(&left, b"of another centre").unwrap();
        let result = crate::centre::backup::restore(folder.path(), &file, PHRASE, "test", NOW);
        assert!(
            matches!(&result, Err(CentreError::LeftOver(path)) if *path == left),
            "{result:?}"
        );
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }
}

#[test]
fn a_forgotten_passphrase_costs_the_copies_of_the_keys_and_nothing_else() {
    let mut scene = Scene::new(Policy::default());
    let (code, server) = (scene.code(), Server::new("app"));
    let outcome = scene.activate(&code, &server, NOW);
    let licence = scene.licence(outcome);
    let lost = scene.keys.clone();
    scene
        .centre
        .forget_passphrase("новое", "test", NOW)
        .unwrap();
    assert!(matches!(
        scene.centre.unlock(PHRASE),
        Err(CentreError::Passphrase)
    ));
    scene.centre.unlock("новое").unwrap();
    let update = server.update(&licence);
    let answer = answered(&mut scene, &update, &server);
    assert_eq!(answer, (false, CentreReason::Internal as u16));
    let policy = Policy::default();
    scene.centre.add_series(&lost, policy, "test", NOW).unwrap();
    let outcome = scene.ask(&update, &server, NOW + DAY);
    assert_eq!(
        scene.licence(outcome).voucher.key_no,
        licence.voucher.key_no
    );
}

#[test]
fn a_centre_of_the_first_version_is_brought_up_to_date() {
    let scene = Scene::new(Policy::default());
    let connection = &scene.centre.connection;
    connection
        .execute_batch("DROP TABLE former; PRAGMA user_version = 1;")
        .unwrap();
    let mut centre = Centre::open(&scene.centre.folder).unwrap();
    centre.unlock(PHRASE).unwrap();
    let former: i64 = centre
        .connection
        .query_row("SELECT count(*) FROM former", [], |row| row.get(0))
        .unwrap();
    assert_eq!(former, 0);
    let version: i64 = centre
        .connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 2);
    assert_eq!(centre.series().unwrap().len(), 1);
    centre
        .connection
        .pragma_update(None, "user_version", 99)
        .unwrap();
    assert!(matches!(
        Centre::open(&scene.centre.folder),
        Err(CentreError::Newer(99))
    ));
}

#[test]
fn the_keys_open_with_the_passphrase_alone_and_a_backup_brings_everything_back() {
    let mut scene = Scene::new(Policy::default());
    let (code, server) = (scene.code(), Server::new("app"));
    let file = scene.centre.folder.join("backup");
    scene.centre.backup(&file, "слово", "test", NOW).unwrap();
    assert!(matches!(
        scene.centre.unlock("другое"),
        Err(CentreError::Passphrase)
    ));
    scene
        .centre
        .change_passphrase("новое", "test", NOW)
        .unwrap();
    scene.centre.unlock("новое").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("restored");
    let restore = crate::centre::backup::restore;
    assert!(matches!(
        restore(&place, &file, "новое", "test", NOW),
        Err(CentreError::Locked(..))
    ));
    restore(&place, &file, "слово", "test", NOW).unwrap();
    assert!(matches!(
        restore(&place, &file, "слово", "test", NOW),
        Err(CentreError::CentreExists(_))
    ));
    scene.centre = Centre::open(&place).unwrap();
    scene.centre.unlock("слово").unwrap();
    let outcome = scene.activate(&code, &server, NOW);
    scene.licence(outcome);
    // Neither the store nor a backup holds a code or a key that could be read.
    let text = std::fs::read(place.join("centre.db")).unwrap();
    let whole = code.reveal().replace('-', "");
    for secret in [
        code.reveal().into_bytes(),
        whole.into_bytes(),
        scene.keys.content_keys[0].key.0.to_vec(),
    ] {
        assert!(!text.windows(secret.len()).any(|window| window == secret));
    }
}
