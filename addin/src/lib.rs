//! The component that 1C:Enterprise loads.
//!
//! `native` speaks the platform's binary interface and knows nothing of licences; `interface` is the
//! table of names that 1C code sees; `object` is what stands behind them.

pub mod datafile;
pub mod interface;
pub mod link;
pub mod logs;
mod moment;
pub mod native;
pub mod object;
mod per_process;
pub mod place;
pub mod session;
pub mod settings;
pub mod table;
pub mod texts;
