//! What the end-to-end tests share: the simulated 1C host and the programs under test.

pub mod browser;
pub mod carriers;
pub mod crowd;
pub mod host;
pub mod process;
pub mod programs;
pub mod room;
pub mod scene;
pub mod softhsm;
pub mod usb;
pub mod vendor;
