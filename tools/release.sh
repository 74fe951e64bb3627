#!/usr/bin/env bash
# tools/release.sh TARGET CRATE…
#
# Builds what is shipped, and prints the path of each file that came out. The programs are built by the profile `release`,
# the component by `component`. LICENCE_PROFILE=quick builds all of them without optimising across crates: what the tests
# of the packages use, because a file that is built in a tenth of the time packs and installs the same.
#
# Linux is linked by zig against glibc 2.17, so that one file serves every system since 2014; Windows by mingw-w64.
# Builds are reproducible: paths of this computer do not go into the files. LICENCE_RELEASE_FOLDER is where they are built, when
# not in the cache.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib.sh

(($# >= 2)) || die "usage: tools/release.sh TARGET CRATE…"
target=$1
shift
glibc=2.17
options=(--locked --target "$target")
case $target in
*-unknown-linux-gnu)
    python=$(python_with ziglang==0.17.1 cargo-zigbuild==0.24.0)
    build=("$(dirname "$python")/cargo-zigbuild" zigbuild)
    options[2]=$target.$glibc
    ;;
x86_64-pc-windows-gnu) need_packages gcc-mingw-w64-x86-64-posix g++-mingw-w64-x86-64-posix >&2 && build=(cargo build) ;;
i686-pc-windows-gnu) need_packages gcc-mingw-w64-i686-posix g++-mingw-w64-i686-posix >&2 && build=(cargo build) ;;
*) die "unknown target $target" ;;
esac

export CARGO_TARGET_DIR=${LICENCE_RELEASE_FOLDER:-$CACHE/release}/host
if [[ $target == "$(uname -m)-unknown-linux-gnu" ]]; then
    need_cargo
else
    # Debian's Rust, which has the source of std beside it, so that std is built for the target on the way.
    need_packages rustc-web cargo-web rust-web-src >&2
    use_debian_rust
    export CARGO_TARGET_DIR=${LICENCE_RELEASE_FOLDER:-$CACHE/release}/cross
    options+=("-Zbuild-std=std,panic_unwind")
    [[ $target != i686-pc-windows-gnu ]] || windows_32_start_objects
fi
[[ $target != *-linux-* ]] || PATH=$(dirname "$python"):$PATH

flags="--remap-path-prefix=$CARGO_TARGET_DIR=target --remap-path-prefix=$PWD=. --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
name=CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$target")_RUSTFLAGS
export "$name=${!name:-} $flags"

# Whatever time the caller's packages carry: C sources are compiled anew whenever this changes.
export SOURCE_DATE_EPOCH=1

for crate in "$@"; do
    profile=release
    [[ $crate != licenceaddin ]] || profile=component
    [[ -z ${LICENCE_PROFILE:-} ]] || profile=$LICENCE_PROFILE
    # One crate at a time: together, features that one switches on would slip into another.
    "${build[@]}" "${options[@]}" --profile "$profile" --package "$crate" --message-format json-render-diagnostics |
        python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("reason") == "compiler-artifact" and {"bin", "cdylib"} & set(message["target"]["kind"]):
        files = [message["executable"]] if message["executable"] else message["filenames"]
        print(*[name for name in files if not name.endswith((".rlib", ".a"))], sep="\n")'
done
