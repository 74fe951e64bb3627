//! The platform's Native API in Rust: class layouts, calling conventions, variants, memory.
//!
//! The only room of this crate with `unsafe`. What it knows of the component is the table and the hooks of
//! [`Object`](crate::object::Object); what the component knows of it is [`host::HostHandle`] and [`module`].
#![allow(
    unsafe_code,
    reason = "a C++ binary interface cannot be spoken without it; each block says why it is sound"
)]

mod component;
mod exports;
pub(crate) mod fork;
mod gate;
pub(crate) mod guard;
pub mod host;
pub(crate) mod installed;
mod memory;
pub mod module;
#[cfg(windows)]
pub(crate) mod parent;
#[cfg(windows)]
pub(crate) mod rights;
#[cfg(windows)]
pub(crate) mod terminal;
mod tm;
mod variant;
mod vtable;
mod wide;

pub use exports::{
    DestroyObject, GetAttachType, GetClassNames, GetClassObject, LicenceAddInMarker, Marker,
    SetPlatformCapabilities,
};
