//! The simulated host as a program of its own under a memory checker: no error, nothing lost.
#![cfg(target_os = "linux")]

use std::process::Command;

use licence::programs::{addin_library, host_program};

#[test]
fn a_whole_life_of_the_component_is_clean_under_valgrind() {
    let output = Command::new("valgrind")
        .args([
            "--quiet",
            "--error-exitcode=9",
            "--leak-check=full",
            "--errors-for-leak-kinds=definite,indirect",
        ])
        .args(["--show-leak-kinds=definite,indirect", "--num-callers=30"])
        .arg(host_program())
        .arg(addin_library())
        .output()
        .expect("valgrind runs; install it: apt-get install valgrind");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}:\n{text}", output.status);
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("ended on four threads"),
        "{text}"
    );
}
