//! What the component asks of the platform when it is initialised. One process, one level of capabilities:
//! they are the process's, so this file has one test.

use licence::host::Library;

#[test]
fn interfaces_are_asked_for_only_from_a_platform_that_has_them() {
    let addin = Library::load(&licence::programs::addin_library());
    let object = addin.object();
    assert_eq!(
        object.interface_calls(),
        0,
        "before SetPlatformCapabilities the slot may not exist"
    );
    assert!(
        object.event_depth() > 1,
        "with a depth of 1 the second event is lost"
    );
    drop(object);

    addin.set_capabilities(0);
    assert_eq!(
        addin.object().interface_calls(),
        0,
        "level 0 has no interfaces"
    );

    addin.set_capabilities(1);
    let set_ups: [&dyn Fn(&licence::host::Object<'_>); 5] = [
        &|object| object.platform(Some(("8.3.25.1286", 0))),
        &|object| object.platform(Some(("", -1))),
        &|object| object.platform(Some((&"8".repeat(100_000), i32::MAX))),
        &|object| object.platform(None),
        &|object| object.platform_without_info(),
    ];
    for set_up in set_ups {
        let object = addin.create("LicenceAddIn").unwrap();
        set_up(&object);
        assert!(object.init() && object.set_memory());
        assert_eq!(object.interface_calls(), 1);
        assert!(!object.get_text("Version").is_empty());
    }
}
