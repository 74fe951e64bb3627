//! The program `licenceedit`.
fn main() {}
