//! The installed component in place of this copy from a configuration's template: loading it, making its objects,
//! and sending back to it what belongs to it.
//!
//! The two copies share nothing but the functions here: each has its own memory, log and connections. Which of
//! them works is decided once, at the first object, and stays so until the process ends.

use std::{
    ffi::{c_int, c_long, c_void},
    mem, slice,
    sync::OnceLock,
};

#[cfg(unix)]
use std::{os::unix::ffi::OsStrExt, path::Path};

use libloading::{Library, Symbol};
use log::Level;
use parking_lot::Mutex;
use protocol::Version;

use super::{
    component::Component,
    exports::{CLASS_NAMES, Marker},
    guard::guard,
    host,
};
use crate::{
    logs,
    native::module::module_path,
    place::{
        Place,
        installed::{self, Refusal, State, Template, Trusted},
    },
    settings::{FromCode, Settings},
    table::Language,
    texts::one_line,
};

/// The revision of how two copies work together.
pub(super) const ABI: u32 = 1;
/// The longest path that one copy takes from another, in bytes.
const MAX_PATH: usize = 32 * 1024;
/// Templates that are remembered, so that each is told of in the log once.
const MAX_TEMPLATES: usize = 16;

/// What a template's copy tells of itself. Fields are only ever added at the end.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Guest {
    size: u32,
    version: [u32; 4],
    /// UTF-8, `path_length` bytes.
    path: *const u8,
    path_length: usize,
}

/// Makes an object for another copy; 1 if it did.
pub(super) type CreateFor = unsafe extern "C" fn(*const Guest, *mut *mut c_void) -> c_long;

/// The exports of the installed component.
#[derive(Debug)]
pub(super) struct Installed {
    /// None in versions that had no such field.
    create_for: Option<CreateFor>,
    class_object: unsafe extern "C" fn(*const u16, *mut *mut c_void) -> c_long,
    destroy: unsafe extern "C" fn(*mut *mut c_void) -> c_long,
    set_capabilities: unsafe extern "C" fn(c_int) -> c_int,
}

#[derive(Debug)]
struct Decision {
    state: State,
    installed: Option<Installed>,
}

static DECISION: OnceLock<Decision> = OnceLock::new();

/// The installed component if it works in place of this copy; the first call decides that.
pub(super) fn in_place_of_this() -> Option<&'static Installed> {
    DECISION.get_or_init(decide).installed.as_ref()
}

/// The same, without deciding.
pub(super) fn if_decided() -> Option<&'static Installed> {
    DECISION.get()?.installed.as_ref()
}

/// What became of the installed component, as far as it was decided.
pub(crate) fn state() -> State {
    DECISION
        .get()
        .map_or(State::Absent, |decision| decision.state.clone())
}

fn decide() -> Decision {
    let mut refused = None;
    for path in installed::candidates() {
        if module_path().is_some_and(|own| installed::is_same(&path, &own)) {
            return Decision {
                state: State::Itself,
                installed: None,
            };
        }
        let outcome = installed::open(&path).and_then(|found| {
            found
                .map(|found| load(&found).map(|loaded| (found, loaded)))
                .transpose()
        });
        match outcome {
            Ok(None) => {}
            Ok(Some((found, (version, installed)))) => {
                system::keep(found);
                return used(State::Used(path, version), installed);
            }
            Err(refusal) => {
                logs::note(
                    Level::Warn,
                    &format!(
                        "the installed component {} is not used: {}",
                        path.display(),
                        refusal.text(Language::English)
                    ),
                );
                refused.get_or_insert(State::Refused(path, refusal));
            }
        }
    }
    Decision {
        state: refused.unwrap_or(State::Absent),
        installed: None,
    }
}

/// This copy opens no connection and thus no log, except for this one line.
fn used(state: State, installed: Installed) -> Decision {
    if let State::Used(path, version) = &state {
        let place = Place::current(&host::PlatformInfo::default());
        let settings = Settings::read(&place.settings(), None, &FromCode::default());
        logs::start(&place, &settings);
        logs::note(
            Level::Info,
            &format!(
                "the installed component {version} {} works instead of this copy {} from a template",
                path.display(),
                Version::CURRENT
            ),
        );
    }
    let level = host::capabilities();
    if level != 0 {
        installed.set_capabilities(level);
    }
    Decision {
        state,
        installed: Some(installed),
    }
}

fn load(found: &Trusted) -> Result<(Version, Installed), Refusal> {
    let library = system::load(found).map_err(|error| Refusal::NotLoaded(one_line(&error, 300)))?;
    // SAFETY: these are the types of the exports of every component that has the marker's name in it.
    let result = unsafe { exports(&library) };
    match result {
        Ok(found) => {
            // Its code runs in threads and objects of this process from now on: it is never unloaded.
            mem::forget(library);
            Ok(found)
        }
        Err(refusal) => Err(refusal),
    }
}

/// # Safety
/// The library's exports, where there are any of these names, have these types.
unsafe fn exports(library: &Library) -> Result<(Version, Installed), Refusal> {
    // SAFETY: the caller's promise.
    let (marker, class_object, destroy, set_capabilities) = unsafe {
        (
            export::<unsafe extern "C" fn() -> *const Marker>(library, b"LicenceAddInMarker\0")?,
            export(library, b"GetClassObject\0")?,
            export(library, b"DestroyObject\0")?,
            export(library, b"SetPlatformCapabilities\0")?,
        )
    };
    // SAFETY: a marker is static, and `size` tells how much of it is there.
    let (version, create_for) = unsafe { read_marker(marker())? };
    Ok((
        version,
        Installed {
            create_for,
            class_object,
            destroy,
            set_capabilities,
        },
    ))
}

/// # Safety
/// An export of that name has the type.
unsafe fn export<T: Copy>(library: &Library, name: &[u8]) -> Result<T, Refusal> {
    // SAFETY: the caller's promise.
    let found: Result<Symbol<'_, T>, _> = unsafe { library.get(name) };
    found
        .map(|symbol| *symbol)
        .map_err(|error| Refusal::NotLoaded(one_line(&error.to_string(), 300)))
}

/// # Safety
/// `marker` is null or points to `size` bytes of a marker, at least to `size` and `abi` and the version.
unsafe fn read_marker(marker: *const Marker) -> Result<(Version, Option<CreateFor>), Refusal> {
    let odd = || Refusal::OtherVersion("?".into());
    if marker.is_null() {
        return Err(odd());
    }
    // SAFETY: the caller's promise; the size is read before anything that may not be there.
    let (size, abi, numbers) = unsafe { ((*marker).size, (*marker).abi, (*marker).version) };
    let version = version_of(numbers).ok_or_else(odd)?;
    if abi != ABI || version.works_with(Version::CURRENT).is_err() {
        return Err(Refusal::OtherVersion(format!("{version}, ABI {abi}")));
    }
    // SAFETY: the size says that the field is there.
    let create_for =
        (size as usize >= size_of::<Marker>()).then(|| unsafe { (*marker).create_for });
    Ok((version, create_for))
}

fn version_of([major, minor, patch, build]: [u32; 4]) -> Option<Version> {
    Some(Version {
        major: major.try_into().ok()?,
        minor: minor.try_into().ok()?,
        patch: patch.try_into().ok()?,
        build,
    })
}

impl Installed {
    /// Makes an object of the installed component; false if it does not want to.
    ///
    /// # Safety
    /// `object` points to a null pointer that may be written.
    pub(super) unsafe fn create(&self, object: *mut *mut c_void) -> bool {
        let path = own_path();
        let current = Version::CURRENT;
        let guest = Guest {
            size: size_of::<Guest>() as u32,
            version: [
                current.major.into(),
                current.minor.into(),
                current.patch.into(),
                current.build,
            ],
            path: path.as_ptr(),
            path_length: path.len(),
        };
        // SAFETY: the caller's promise; the guest lives over the call.
        let made = unsafe {
            match self.create_for {
                Some(create) => create(&raw const guest, object),
                None => (self.class_object)(CLASS_NAMES.as_ptr(), object),
            }
        };
        // SAFETY: as above.
        made != 0 && unsafe { !(*object).is_null() }
    }

    /// Ends an object of the installed component.
    ///
    /// # Safety
    /// As of the export.
    pub(super) unsafe fn destroy(&self, object: *mut *mut c_void) -> c_long {
        // SAFETY: the caller's promise.
        unsafe { (self.destroy)(object) }
    }

    /// Tells it the platform's capabilities.
    pub(super) fn set_capabilities(&self, level: c_int) {
        // SAFETY: any number will do.
        unsafe { (self.set_capabilities)(level) };
    }
}

fn own_path() -> String {
    let mut path = module_path()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    let mut end = path.len().min(MAX_PATH);
    while !path.is_char_boundary(end) {
        end -= 1;
    }
    path.truncate(end);
    path
}

/// Makes an object for a template's copy. What is called here is the installed component, which looks for no other.
///
/// # Safety
/// `guest` is null or whole for the call, `object` null or writable.
pub(super) unsafe extern "C" fn create_for(
    guest: *const Guest,
    object: *mut *mut c_void,
) -> c_long {
    guard(0, || {
        // SAFETY: the caller's promise. An object that is there already would be lost.
        if guest.is_null() || object.is_null() || unsafe { !(*object).is_null() } {
            return 0;
        }
        // SAFETY: the caller's promise.
        let Some(template) = (unsafe { template_of(guest) }) else {
            return 0;
        };
        remember(&template);
        let component = Box::into_raw(Component::new(Some(template)));
        // SAFETY: the caller's promise.
        unsafe { object.write(component.cast()) };
        1
    })
}

/// # Safety
/// `guest` is whole.
unsafe fn template_of(guest: *const Guest) -> Option<Template> {
    // SAFETY: the caller's promise.
    let guest = unsafe { &*guest };
    if (guest.size as usize) < size_of::<Guest>() || guest.path_length > MAX_PATH {
        return None;
    }
    let path: &[u8] = if guest.path.is_null() || guest.path_length == 0 {
        &[]
    } else {
        // SAFETY: the caller's promise.
        unsafe { slice::from_raw_parts(guest.path, guest.path_length) }
    };
    Some(Template {
        version: version_of(guest.version)?,
        file: String::from_utf8_lossy(path).into_owned(),
    })
}

/// Says once for each template in whose place this copy works.
fn remember(template: &Template) {
    static KNOWN: Mutex<Vec<Template>> = Mutex::new(Vec::new());
    let mut known = KNOWN.lock();
    if known.len() < MAX_TEMPLATES && !known.contains(template) {
        known.push(template.clone());
        drop(known);
        logs::note(
            Level::Info,
            &format!(
                "this installed component {} works instead of the copy {} from a template, {}",
                Version::CURRENT,
                template.version,
                template.file
            ),
        );
    }
}

#[cfg(unix)]
mod system {
    use std::{
        ffi::CStr,
        fs,
        mem::{self, MaybeUninit},
        os::fd::AsRawFd,
        path::Path,
        ptr,
    };

    use libloading::{Library, os::unix};

    use super::{Trusted, mapped_at};

    const FLAGS: i32 = libc::RTLD_NOW | libc::RTLD_LOCAL;

    /// Loads by the open file, not by its name.
    pub(super) fn load(found: &Trusted) -> Result<Library, String> {
        if let Some(loaded) = loaded(&found.path) {
            return Ok(loaded);
        }
        let name = format!("/proc/self/fd/{}", found.file.as_raw_fd());
        // SAFETY: the file has our marker, and only the system's administrator can have put it there.
        unsafe { unix::Library::open(Some(name), FLAGS) }
            .map(Library::from)
            .map_err(|error| error.to_string())
    }

    /// The file stays open for ever: what was loaded by its number has that number for a name.
    pub(super) fn keep(found: Trusted) {
        mem::forget(found);
    }

    /// The installed component that is in this process already, even if its file was replaced since: two
    /// templates get the same one.
    fn loaded(path: &Path) -> Option<Library> {
        let start = mapped_at(&fs::read("/proc/self/maps").ok()?, path)?;
        let mut info = MaybeUninit::<libc::Dl_info>::uninit();
        // SAFETY: any address may be asked for, and `info` is filled when the answer is not 0.
        let info = unsafe {
            (libc::dladdr(ptr::without_provenance(start), info.as_mut_ptr()) != 0)
                .then(|| info.assume_init())?
        };
        if info.dli_fname.is_null() {
            return None;
        }
        // SAFETY: dladdr gave a string that lives as long as the library is loaded, which is for ever.
        let name = unsafe { CStr::from_ptr(info.dli_fname) }.to_str().ok()?;
        // SAFETY: nothing is loaded by this; a library that is there gets one more reference.
        unsafe { unix::Library::open(Some(name), FLAGS | libc::RTLD_NOLOAD) }
            .map(Library::from)
            .ok()
    }
}

/// Where a file is in memory, by the lines of /proc/self/maps. Of the other names there nothing is expected, not even
/// that they are text.
#[cfg(unix)]
fn mapped_at(maps: &[u8], path: &Path) -> Option<usize> {
    let path = path.as_os_str().as_bytes();
    let line = maps.split(|byte| *byte == b'\n').find(|line| {
        let name = line.iter().position(|byte| *byte == b'/');
        let name = name.map(|at| &line[at..]);
        name.is_some_and(|name| name.strip_suffix(b" (deleted)").unwrap_or(name) == path)
    })?;
    let start = line.split(|byte| *byte == b'-').next()?;
    usize::from_str_radix(str::from_utf8(start).ok()?, 16).ok()
}

#[cfg(windows)]
mod system {
    use libloading::{Library, os::windows};

    use super::Trusted;

    /// Its own libraries come from the system's folder alone.
    const LOAD_LIBRARY_SEARCH_SYSTEM32: u32 = 0x800;

    /// The path cannot change its meaning: the file and all folders above it are held open. A library of that
    /// path which is loaded already is the answer, even if its file was replaced since.
    pub(super) fn load(found: &Trusted) -> Result<Library, String> {
        // SAFETY: the file has our marker, and only the system's administrators can have put it there.
        unsafe { windows::Library::load_with_flags(&found.path, LOAD_LIBRARY_SEARCH_SYSTEM32) }
            .map(Library::from)
            .map_err(|error| error.to_string())
    }

    /// From now on a package may give the file another name and put a new one in its place.
    pub(super) fn keep(found: Trusted) {
        drop(found);
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;
    use crate::native::{exports, vtable};

    fn marker(size: u32, abi: u32, version: [u32; 4]) -> Marker {
        Marker {
            size,
            abi,
            version,
            create_for,
        }
    }

    fn read(marker: &Marker) -> Result<(Version, Option<CreateFor>), Refusal> {
        // SAFETY: the marker is whole.
        unsafe { read_marker(ptr::from_ref(marker)) }
    }

    const WHOLE: u32 = size_of::<Marker>() as u32;

    #[test]
    fn every_3_0_may_work_instead_of_every_other_and_nothing_else() {
        assert!(read(&marker(WHOLE, 1, [3, 0, 0, 0])).is_ok());
        assert!(read(&marker(WHOLE, 1, [3, 0, 99, 7528])).is_ok());
        for (abi, version) in [
            (1, [3, 1, 0, 0]),
            (1, [2, 9, 9, 9]),
            (1, [4, 0, 0, 0]),
            (2, [3, 0, 1, 1]),
            (1, [70_000, 0, 1, 1]),
        ] {
            let refusal = read(&marker(WHOLE, abi, version));
            assert!(
                matches!(refusal, Err(Refusal::OtherVersion(_))),
                "{version:?}"
            );
        }
        // SAFETY: null is allowed.
        assert!(unsafe { read_marker(ptr::null()) }.is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_loaded_file_is_found_among_names_that_are_no_text() {
        let maps = b"7f00-7f01 r-xp 0 08:01 11 /tmp/\xff\xfe.so\n7f02-7f03 r-xp 0 08:01 12 /opt/a.so (deleted)\n";
        assert_eq!(mapped_at(maps, Path::new("/opt/a.so")), Some(0x7f02));
        assert_eq!(mapped_at(maps, Path::new("/opt/b.so")), None);
    }

    /// What decides whether a file may be trusted is tested elsewhere: under Wine no file is the system's.
    #[test]
    #[ignore = "it decides for the whole process and needs a library: the stage `component` runs it alone, with LICENCE_TEST_LIBRARY"]
    fn a_library_that_is_trusted_makes_the_objects_and_ends_them() {
        let file = std::env::var_os("LICENCE_TEST_LIBRARY").expect("LICENCE_TEST_LIBRARY names it");
        let found = Trusted::by_test(file.as_ref());
        let (version, installed) = load(&found).unwrap();
        assert_eq!(
            version.to_string(),
            std::env::var("LICENCE_TEST_VERSION").unwrap()
        );
        let path = found.path.clone();
        system::keep(found);
        DECISION
            .set(used(State::Used(path, version), installed))
            .unwrap();
        assert_eq!(state().word(), "used");
        exports::SetPlatformCapabilities(3);

        let mut object = ptr::null_mut();
        // SAFETY: the name ends, and the object's place may be written.
        let made = unsafe { exports::GetClassObject(CLASS_NAMES.as_ptr(), &raw mut object) };
        assert_eq!(made, 1);
        // SAFETY: it is an object of a component.
        let ours = unsafe { vtable::is_ours(object) };
        assert!(!ours, "the installed one made it");
        // SAFETY: nobody uses it any more.
        let ended = unsafe { exports::DestroyObject(&raw mut object) };
        assert_eq!(ended, 0);
        assert!(object.is_null());
    }

    #[test]
    fn a_marker_of_fewer_fields_is_understood() {
        assert!(read(&marker(WHOLE, 1, [3, 0, 1, 1])).unwrap().1.is_some());
        assert!(read(&marker(24, 1, [3, 0, 1, 1])).unwrap().1.is_none());
    }

    #[test]
    fn a_template_that_tells_nonsense_gets_no_object() {
        let path = "/t.so";
        let mut guest = Guest {
            size: size_of::<Guest>() as u32,
            version: [3, 0, 1, 1],
            path: path.as_ptr(),
            path_length: path.len(),
        };
        // SAFETY: the guest is whole whatever it says.
        let of = |guest: &Guest| unsafe { template_of(ptr::from_ref(guest)) };
        assert_eq!(of(&guest).unwrap().file, path);
        guest.path_length = MAX_PATH + 1;
        assert_eq!(of(&guest), None);
        guest.path_length = 0;
        assert_eq!(of(&guest).unwrap().file, "");
        guest.size = 4;
        assert_eq!(of(&guest), None);
        let mut object = ptr::null_mut();
        // SAFETY: null is allowed.
        unsafe {
            assert_eq!(create_for(ptr::null(), &raw mut object), 0);
            assert_eq!(create_for(&raw const guest, ptr::null_mut()), 0);
        }
    }
}
