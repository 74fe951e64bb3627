//! A little of the load that `examples/load` measures: nobody loses a seat while others come and go, nor by a kill.

#![cfg(unix)]

#[expect(
    dead_code,
    reason = "the example has a main of its own, and waits for expiry"
)]
#[path = "../examples/load/main.rs"]
mod load;

use std::path::Path;

use load::{running, vendor};

#[test]
fn a_crowd_keeps_its_seats_while_it_comes_and_goes_and_after_a_kill() {
    let program = Path::new(env!("CARGO_BIN_EXE_licenceserver"));
    load::run(program, 800, 40, 2, false);
}
