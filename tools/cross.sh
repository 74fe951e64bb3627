#!/usr/bin/env bash
# tools/cross.sh TARGET check|build|test CRATE… [-- CARGO-OPTION…]
#
# Type-checks, builds or tests crates for one of the four targets. The host's own target goes by the default toolchain.
# The others go by Debian's Rust, which, unlike a bare rustup toolchain, has the source of std beside it, so that std
# is built for the target on the way. It has its own CARGO_HOME and target folder: the two compilers never mix.
# Tests for Windows are run by the program that CARGO_TARGET_…_RUNNER names, as cargo does it.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib.sh

(($# >= 3)) || die "usage: tools/cross.sh TARGET check|build|test CRATE… [-- CARGO-OPTION…]"
target=$1 mode=$2
shift 2
crates=() options=() given=()
while (($#)) && [[ $1 != -- ]]; do
    crates+=("$1")
    shift
done
(($#)) && given=("${@:2}")
[[ $mode =~ ^(check|build|test)$ ]] || die "the second argument is check, build or test, not $mode"

case $target in
x86_64-unknown-linux-gnu) packages=(gcc) ;;
i686-unknown-linux-gnu) packages=(gcc-multilib g++-multilib) ;;
x86_64-pc-windows-gnu) packages=(gcc-mingw-w64-x86-64-posix g++-mingw-w64-x86-64-posix) ;;
i686-pc-windows-gnu) packages=(gcc-mingw-w64-i686-posix g++-mingw-w64-i686-posix) ;;
*) die "unknown target $target" ;;
esac
# The simulated 1C host has Microsoft's class layouts on Windows, and clang makes them.
[[ $mode != test || $target != *-windows-* ]] || packages+=(clang)
need_packages "${packages[@]}"

if [[ $target == "$(uname -m)-unknown-linux-gnu" ]]; then
    # Without --target, so that this shares what the tests have already compiled.
    need_cargo
else
    options+=(--target "$target")
    need_packages rustc-web cargo-web rust-web-src
    use_debian_rust
    export CARGO_TARGET_DIR=$CACHE/cross/target
    options+=("-Zbuild-std=std,panic_unwind")
    # Only C sources are really compiled for a check, and tests that run for another target are short: speed does not matter.
    [[ $mode == build ]] || options+=(--config 'profile.dev.package."*".opt-level=0')
fi

[[ $target != i686-pc-windows-gnu || $mode == check ]] || windows_32_start_objects

# One crate at a time: together, features that one switches on would hide that another lacks them.
for crate in "${crates[@]}"; do
    cargo "$mode" --locked --package "$crate" "${options[@]}" "${given[@]}"
done
