//! The locks, atomics, channels and threads of what several threads share. They are named here alone, so that the test of
//! concurrency compiles the same files with those of a scheduler that tries orders of their steps.

pub(crate) use std::{
    sync::{atomic, mpsc},
    thread,
};

pub(crate) use parking_lot::{Mutex, RwLock};
