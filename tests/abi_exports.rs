//! The component as a file: what it exports, and what it is by name.

use licence::{
    host::{End, Library, units},
    programs::addin_library,
};

// A DLL's table of exports is looked at by tools/symbols.py, when it is built.
#[cfg(unix)]
#[test]
fn exactly_six_functions_are_visible() {
    use std::{collections::BTreeSet, process::Command};

    let output = Command::new("nm")
        .args(["-D", "--defined-only"])
        .arg(addin_library())
        .output()
        .expect("nm runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("names are ASCII");
    let seen: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    let expected = BTreeSet::from([
        "DestroyObject",
        "GetAttachType",
        "GetClassNames",
        "GetClassObject",
        "LicenceAddInMarker",
        "SetPlatformCapabilities",
    ]);
    assert_eq!(seen, expected);
}

#[test]
fn the_extension_is_named_as_the_class_so_that_every_platform_finds_it() {
    let addin = Library::addin();
    assert_eq!(addin.class_names(), "LicenceAddIn");
    assert_eq!(addin.object().register().as_deref(), Some("LicenceAddIn"));
}

#[test]
fn it_attaches_in_any_mode_and_knows_all_capabilities() {
    let addin = Library::addin();
    assert_eq!(addin.attach_type(), 3);
    for level in [0, 1, 2, 3, -1, i32::MAX, 3] {
        assert_eq!(addin.set_capabilities(level), 3);
    }
}

#[test]
fn the_marker_tells_the_version_that_the_property_tells() {
    let addin = Library::addin();
    let [size, abi, version @ ..] = addin.marker();
    // Six numbers, and the function that makes objects for other copies.
    assert_eq!((size as usize, abi), (24 + size_of::<usize>(), 1));
    assert_eq!(
        addin.object().get_text("Version"),
        version.map(|number| number.to_string()).join(".")
    );
}

#[test]
fn a_class_that_does_not_exist_is_refused() {
    let addin = Library::addin();
    for name in [
        "",
        "1",
        "L",
        "LicenceAddI",
        "LicenceAddInn",
        "|LicenceAddIn",
        "Лицензия",
    ] {
        assert!(addin.create(name).is_none(), "{name}");
    }
    assert!(addin.create_units(None).is_none());
    assert!(
        addin
            .create_units(Some(&units(&"LicenceAddIn".repeat(100_000))))
            .is_none()
    );
}

#[test]
fn a_class_name_without_an_end_is_not_read_past_the_longest_one() {
    let name: Vec<u16> = "LicenceAddInX".encode_utf16().collect();
    assert!(Library::addin().create_units(Some(&name)).is_none());
}

#[test]
fn nonsense_to_the_exports_is_refused() {
    assert_eq!(Library::addin().nonsense(), [0, 0, -1, -1]);
}

#[test]
fn the_library_can_be_loaded_and_left_again_and_again() {
    let path = addin_library();
    for _ in 0..5 {
        let library = Library::load(&path);
        let object = library.object();
        assert!(!object.get_text("Version").is_empty());
        object.done();
        assert_eq!(object.finish(End::Delete), licence::host::Report::default());
    }
}
