//! Activation codes, from the vendor's centre to a licence on a customer's server; all programs are the real ones.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::fs;

use licence::vendor::{ITN, Vendor};

fn running() -> Vendor {
    let mut vendor = Vendor::new();
    vendor.start(&[]);
    vendor
}

#[test]
fn a_code_becomes_a_licence_and_again_the_same_one_on_the_same_computer_after_its_disk_was_lost() {
    let vendor = running();
    let code = vendor.code(5);
    let computer = vendor.computer("app");
    let said = computer.activate(&code.to_lowercase().replace('-', " "));
    assert!(
        said.starts_with("Installed: ") && said.contains("5 seats"),
        "{said}"
    );
    let licence = computer.licence();
    assert!(
        licence.contains("signature: right: the vendor's"),
        "{licence}"
    );
    assert!(licence.contains(&format!("ITN: {ITN}")), "{licence}");
    let masked = format!("activation code: {}-****-****-****-****", &code[..4]);
    assert!(licence.contains(&masked), "{licence}");
    // Everything that the server had is gone.
    fs::remove_dir_all(computer.data()).unwrap();
    let said = computer.activate(&code);
    assert!(said.starts_with("Installed again: "), "{said}");
    let key = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("  key:"))
            .map(str::to_owned)
    };
    assert_eq!(key(&computer.licence()), key(&licence));
    let journal = vendor.centre(&["journal"]);
    assert!(
        journal.contains("\tactivated\t") && journal.contains("\trecovered\t"),
        "{journal}"
    );
    let listed = vendor.centre(&["code", "list", "--code", &code]);
    assert!(listed.contains("\tused\t"), "{listed}");
}

#[test]
fn another_computer_is_told_where_the_key_is_and_a_copied_licence_that_it_is_anothers() {
    let vendor = running();
    let code = vendor.code(5);
    let (first, second) = (vendor.computer("first"), vendor.computer("second"));
    first.activate(&code);
    let said = second.fails(&["activate", &code, "--itn", ITN]);
    assert!(
        said.contains("activated on the computer") && said.contains("licenceserver reserve"),
        "{said}"
    );
    let copied = second.path("copied.licence");
    fs::copy(&first.licences()[0], &copied).unwrap();
    let said = second.fails(&["install", "copied.licence"]);
    assert!(said.contains("issued for another computer"), "{said}");
    // Its whole folder copied does not help either.
    for file in fs::read_dir(first.data()).unwrap().flatten() {
        if file.file_type().unwrap().is_file() {
            fs::copy(file.path(), second.data().join(file.file_name())).unwrap();
        }
    }
    let said = second.fails(&["install", "copied.licence"]);
    assert!(said.contains("another computer"), "{said}");
}

#[test]
fn codes_and_numbers_that_are_wrong_are_refused_each_with_its_own_sentence() {
    let vendor = running();
    let computer = vendor.computer("app");
    let code = vendor.code(1);
    let refused = |arguments: &[&str]| computer.fails(&[&["activate"], arguments].concat());
    let mut mistyped: Vec<char> = code.chars().collect();
    mistyped[6] = if mistyped[6] == '7' { '8' } else { '7' };
    let mistyped: String = mistyped.into_iter().collect();
    assert!(refused(&[&mistyped]).contains("mistyped"));
    assert!(refused(&["4345-9320"]).contains("has 20 letters and digits"));
    assert!(refused(&["0246-8ACE-GJMP-RTWY-X1CD"]).contains("never gave out such a code"));
    assert!(refused(&[&code, "--itn", "123"]).contains("10 digits"));
    assert!(refused(&[&code, "--iec", "12345678"]).contains("9 characters"));
    assert!(refused(&[&code, "--serie", "0001"]).contains("of series 672B"));
    let revoked = vendor.code(1);
    vendor.centre(&["code", "revoke", &revoked]);
    assert!(refused(&[&revoked]).contains("took this key back"));
    computer.set(&format!("LicenceCenterUrl={}\nLang=ru\n", vendor.url()));
    assert!(refused(&[&mistyped]).contains("набран с ошибкой"));
    assert!(refused(&[&revoked]).contains("отозвал"));
    assert!(refused(&["0246-8ACE-GJMP-RTWY-X1CD"]).contains("не выдавал"));
    assert!(computer.licences().is_empty());
}

#[test]
fn a_request_goes_by_file_and_its_answer_is_good_once() {
    let vendor = Vendor::new();
    let code = vendor.code(7);
    let computer = vendor.computer("offline");
    let said = computer.fails(&["activate", &code]);
    assert!(said.contains("LicenceCenterUrl"), "{said}");
    let request = [
        "activate",
        &code,
        "--itn",
        ITN,
        "--offline",
        "my.activation",
        "--qr",
        "my.svg",
    ];
    computer.server(&request);
    assert!(
        fs::read_to_string(computer.path("my.svg"))
            .unwrap()
            .contains("<svg")
    );
    let first = fs::read(computer.path("my.activation")).unwrap();
    computer.server(&request);
    assert_eq!(
        fs::read(computer.path("my.activation")).unwrap(),
        first,
        "the request that waits is given out again"
    );
    let carried = vendor.path("my.activation");
    fs::copy(computer.path("my.activation"), &carried).unwrap();
    vendor.centre(&["answer", carried.to_str().unwrap()]);
    let answer = computer.path("my.answer");
    fs::copy(vendor.path("my.answer"), &answer).unwrap();
    // It is another server's.
    let other = vendor.computer("other");
    let said = other.fails(&["install", answer.to_str().unwrap()]);
    assert!(said.contains("no request of this server"), "{said}");
    // One altered byte.
    let mut altered = fs::read(&answer).unwrap();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    fs::write(computer.path("altered.answer"), altered).unwrap();
    let said = computer.fails(&["install", "altered.answer"]);
    assert!(said.contains("cannot be used"), "{said}");
    let said = computer.server(&["install", "my.answer"]);
    assert!(said.contains("7 seats"), "{said}");
    let said = computer.fails(&["install", "my.answer"]);
    assert!(said.contains("used already"), "{said}");
}

#[test]
fn a_request_as_the_text_of_its_picture_is_answered_too() {
    let vendor = Vendor::new();
    let computer = vendor.computer("offline");
    computer.server(&["activate", &vendor.code(2), "--offline", "my.activation"]);
    let text = protocol::centre::to_qr(&fs::read(computer.path("my.activation")).unwrap());
    let file = vendor.path("scanned.txt");
    fs::write(&file, text + "\n").unwrap();
    vendor.centre(&["answer", file.to_str().unwrap()]);
    let answer = vendor.path("scanned.answer");
    computer.server(&["install", answer.to_str().unwrap()]);
    assert_eq!(computer.licences().len(), 1);
}

#[test]
fn the_centre_speaks_tls_and_a_certificate_that_nobody_vouches_for_is_refused() {
    let mut vendor = Vendor::new();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (chain, key) = (vendor.path("chain.pem"), vendor.path("key.pem"));
    fs::write(&chain, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let files = [
        chain.to_str().unwrap().to_owned(),
        key.to_str().unwrap().to_owned(),
    ];
    vendor.start(&["--tls-cert", &files[0], "--tls-key", &files[1]]);
    assert!(vendor.url().starts_with("https://127.0.0.1:"));
    let code = vendor.code(1);
    let computer = vendor.computer("app");
    let said = computer.fails(&["activate", &code]);
    assert!(said.contains("wrong certificate"), "{said}");
    computer.set(&format!(
        "LicenceCenterUrl={}\nLicenceCenterCertificates={}\n",
        vendor.url(),
        files[0]
    ));
    computer.activate(&code);
    // A name that is not the certificate's.
    let by_name = vendor.url().replace("127.0.0.1", "localhost");
    computer.set(&format!(
        "LicenceCenterUrl={by_name}\nLicenceCenterCertificates={}\n",
        files[0]
    ));
    let said = computer.fails(&["activate", &vendor.code(1)]);
    assert!(said.contains("wrong certificate"), "{said}");
}

#[cfg(unix)]
#[test]
fn the_centre_ends_gracefully_and_what_was_under_way_is_done_by_the_same_command_again() {
    let mut vendor = running();
    let computer = vendor.computer("app");
    let code = vendor.code(1);
    let url = vendor.url().to_owned();
    assert!(vendor.end());
    let said = computer.fails(&["activate", &code]);
    assert!(said.contains("cannot be reached"), "{said}");
    let port = url.rsplit(':').next().unwrap();
    vendor.start(&["--listen", &format!("127.0.0.1:{port}")]);
    computer.activate(&code);
}
