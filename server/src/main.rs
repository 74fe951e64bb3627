//! The program `licenceserver`.
fn main() {}
