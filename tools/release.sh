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

flags() {
    printf -- '--remap-path-prefix=%s=target --remap-path-prefix=%s=. --remap-path-prefix=%s=cargo' \
        "$CARGO_TARGET_DIR" "$PWD" "${CARGO_HOME:-$HOME/.cargo}"
}

# build_crate CRATE: in a shell of its own, since the compiler depends on the crate.
build_crate() {
    local crate=$1 profile=release extra=""
    [[ $crate != licenceaddin ]] || profile=component
    [[ -z ${LICENCE_PROFILE:-} ]] || profile=$LICENCE_PROFILE
    export CARGO_TARGET_DIR=${LICENCE_RELEASE_FOLDER:-$CACHE/release}/host
    if [[ $target == "$(uname -m)-unknown-linux-gnu" && $profile != component ]]; then
        need_cargo
    else
        # Debian's Rust, which has the source of std beside it, so that std is built for the target on the way.
        need_packages rustc-web cargo-web rust-web-src >&2
        use_debian_rust
        export CARGO_TARGET_DIR=${LICENCE_RELEASE_FOLDER:-$CACHE/release}/cross
        options+=("-Zbuild-std=std,panic_unwind")
        [[ $target != i686-pc-windows-gnu ]] || windows_32_start_objects
    fi
    if [[ $profile == component ]]; then
        # What every 1C process carries is as small as the programs need not be: std without the reader of debug information,
        # which a stripped library does not have, and without the places in the source that a panic would print to nobody
        # (the texts that values have for programmers stay, 117 KB of them: ureq writes the version of HTTP by one of them);
        # functions of the library itself are called without a table that had to be filled in at loading; curves without
        # vector instructions, since a handshake now and then has time.
        options+=("-Zbuild-std-features=panic-unwind,optimize_for_size")
        extra="-Zlocation-detail=none --cfg curve25519_dalek_backend=\"serial\""
        [[ $target != *-linux-* ]] || extra+=" -Zplt=yes"
    fi
    [[ $target != *-linux-* ]] || PATH=$(dirname "$python"):$PATH
    local name
    name=CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$target")_RUSTFLAGS
    export "$name=${!name:-} $(flags) $extra"
    # One crate at a time: together, features that one switches on would slip into another.
    "${build[@]}" "${options[@]}" --profile "$profile" --package "$crate" --message-format json-render-diagnostics |
        python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("reason") == "compiler-artifact" and {"bin", "cdylib"} & set(message["target"]["kind"]):
        files = [message["executable"]] if message["executable"] else message["filenames"]
        print(*[name for name in files if not name.endswith((".rlib", ".a"))], sep="\n")'
}

for crate in "$@"; do
    (build_crate "$crate")
done
