#!/usr/bin/env bash
# tools/cross.sh TARGET check|build CRATE… [-- CARGO-OPTION…]
#
# Type-checks or builds crates for one of the four targets. The host's own target goes by the default toolchain.
# The others go by Debian's Rust, which, unlike a bare rustup toolchain, has the source of std beside it, so that std
# is built for the target on the way. It has its own CARGO_HOME and target folder: the two compilers never mix.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib.sh

(($# >= 3)) || die "usage: tools/cross.sh TARGET check|build CRATE… [-- CARGO-OPTION…]"
target=$1 mode=$2
shift 2
crates=() options=()
while (($#)) && [[ $1 != -- ]]; do
    crates+=("$1")
    shift
done
(($#)) && options=("${@:2}")
[[ $mode == check || $mode == build ]] || die "the second argument is check or build, not $mode"

case $target in
x86_64-unknown-linux-gnu) packages=(gcc) ;;
i686-unknown-linux-gnu) packages=(gcc-multilib g++-multilib) ;;
x86_64-pc-windows-gnu) packages=(gcc-mingw-w64-x86-64-posix g++-mingw-w64-x86-64-posix) ;;
i686-pc-windows-gnu) packages=(gcc-mingw-w64-i686-posix g++-mingw-w64-i686-posix) ;;
*) die "unknown target $target" ;;
esac
need_packages "${packages[@]}"

if [[ $target == "$(uname -m)-unknown-linux-gnu" ]]; then
    # Without --target, so that this shares what the tests have already compiled.
    need_cargo
else
    options+=(--target "$target")
    need_packages rustc-web cargo-web rust-web-src
    host_home=${CARGO_HOME:-$HOME/.cargo}
    export PATH=/usr/bin:/bin:/usr/sbin:/sbin RUSTC_BOOTSTRAP=1
    export CARGO_HOME=$CACHE/cross/home CARGO_TARGET_DIR=$CACHE/cross/target
    unset CARGO RUSTC RUSTC_WRAPPER RUSTUP_TOOLCHAIN RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
    mkdir -p "$CARGO_HOME"
    # A mirror or proxy of the user's serves here too.
    [[ ! -e $host_home/config.toml ]] || ln -sfn "$host_home/config.toml" "$CARGO_HOME/config.toml"
    options+=("-Zbuild-std=std,panic_unwind")
    # A check runs no code of the target; only C sources are really compiled, and their speed does not matter.
    [[ $mode == build ]] || options+=(--config 'profile.dev.package."*".opt-level=0')
fi

if [[ $target == i686-pc-windows-gnu && $mode == build ]]; then
    # Two start-up objects that this target's linker line names; the source of std holds them.
    rt=$CACHE/cross/rt-$(rustc --version | cut -d' ' -f2)
    mkdir -p "$rt"
    for name in rsbegin rsend; do
        [[ -e $rt/$name.o ]] || rustc --target "$target" --crate-type rlib --emit=obj -Cpanic=abort -o "$rt/$name.o" \
            "$(rustc --print sysroot)/lib/rustlib/src/rust/library/rtstartup/$name.rs"
    done
    export CARGO_TARGET_I686_PC_WINDOWS_GNU_RUSTFLAGS="-L native=$rt"
fi

# One crate at a time: together, features that one switches on would hide that another lacks them.
for crate in "${crates[@]}"; do
    cargo "$mode" --locked --package "$crate" "${options[@]}"
done
