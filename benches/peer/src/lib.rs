//! A component on crate addin1c with as many properties and methods as ours, under the same English names.
//!
//! It is written as that crate's own example is: a table of properties and methods, values straight from fields.
#![allow(
    missing_docs,
    reason = "the exports are the platform's; nothing else is public"
)]

use std::ffi::{c_int, c_long, c_void};

use addin1c::{
    AddinResult, CStr1C, MethodInfo, Methods, PropInfo, SimpleAddin, Variant, create_component,
    destroy_component, name,
};

struct Peer {
    number: i32,
    text: String,
}

impl Peer {
    fn number(&mut self, answer: &mut Variant) -> AddinResult {
        answer.set_i32(self.number);
        Ok(())
    }

    fn set_number(&mut self, value: &Variant) -> AddinResult {
        self.number = value.get_i32()?;
        Ok(())
    }

    fn text(&mut self, answer: &mut Variant) -> AddinResult {
        answer.set_str1c(self.text.as_str())?;
        Ok(())
    }

    fn check_flag(&mut self, number: &mut Variant, answer: &mut Variant) -> AddinResult {
        answer.set_bool(number.get_i32()? == self.number);
        Ok(())
    }

    fn nothing(&mut self, answer: &mut Variant) -> AddinResult {
        answer.set_bool(true);
        Ok(())
    }
}

macro_rules! properties {
    ($($name:literal: $get:ident),*) => {
        &[$(PropInfo { name: name!($name), getter: Some(Self::$get), setter: Some(Self::set_number) }),*]
    };
}

macro_rules! methods {
    ($($name:literal),*) => {
        &[
            $(MethodInfo { name: name!($name), method: Methods::Method0(Self::nothing) },)*
            MethodInfo { name: name!("CheckFlag"), method: Methods::Method1(Self::check_flag) },
        ]
    };
}

impl SimpleAddin for Peer {
    fn name() -> &'static CStr1C {
        name!("Peer")
    }

    fn properties() -> &'static [PropInfo<Self>] {
        properties![
            "Version": text, "ModulePath": text, "TemplateVersion": text, "ServerAddr": text, "ServerPort": number,
            "ReservedServers": text, "KeyID": text, "PublicKey": text, "AccessCode": text, "Connected": number,
            "CurrentServer": text, "ConnectionID": text, "SettingsSource": text, "LicenceObtained": number,
            "UsedLicence": number, "GraceUntil": number, "ErrorCode": number, "ErrorDescription": text,
            "RaiseExceptions": number
        ]
    }

    fn methods() -> &'static [MethodInfo<Self>] {
        methods![
            "SetSession",
            "SessionFacts",
            "Connect",
            "Disconnect",
            "ObtainLicence",
            "ReleaseLicence",
            "LoadDataFile",
            "ListObjects",
            "GetObject",
            "GetObjectToFile",
            "GetParameter",
            "LicenceInfo",
            "ServerInfo",
            "Settings"
        ]
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn GetClassNames() -> *const u16 {
    name!("Peer").as_ptr()
}

/// # Safety
/// As the platform calls it: `component` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn GetClassObject(_: *const u16, component: *mut *mut c_void) -> c_long {
    let peer = Peer {
        number: 1,
        text: "3.0.1.1".to_owned(),
    };
    // SAFETY: the platform's place for the object.
    unsafe { create_component(component, peer) }
}

/// # Safety
/// As the platform calls it: `component` holds an object that nobody uses any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn DestroyObject(component: *mut *mut c_void) -> c_long {
    // SAFETY: the platform gives back what GetClassObject made.
    unsafe { destroy_component(component) }
}

#[unsafe(no_mangle)]
pub extern "C" fn SetPlatformCapabilities(_: c_int) -> c_int {
    3
}

#[unsafe(no_mangle)]
pub extern "C" fn GetAttachType() -> c_int {
    3
}
