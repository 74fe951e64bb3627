#!/usr/bin/env bash
# The library that 1C loads. It and the server type-check for all four platforms; tests/component_*.rs and tests/abi_*.rs drive
# the library of this platform through the C++ host, tests/valgrind.rs under valgrind. examples/failover.rs shows its times beside the
# budgets, and fails when one is over by ten times.
#
# The component is built for its four platforms, each file and the template's archive are looked at. tests/abi_*.rs
# drive each of the four through the C++ host built for that platform: 32-bit processes of Linux as they are, those of Windows
# under Wine with the classes compiled for Microsoft's layout; tests/main_job.rs takes a seat with each on a real server. The
# component's unit tests run on all of them (those of this one in the stage core).
#
# The four are built by the profile `quick`, that of this platform also as it is shipped; ./test --long builds them as they are shipped, and beside them another version for the
# tests of the installed component.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/lib.sh
. tools/wine.sh

need_packages gcc g++ libc6-dev python3 valgrind iproute2 nftables
need_cargo

for target in x86_64-unknown-linux-gnu i686-unknown-linux-gnu x86_64-pc-windows-gnu i686-pc-windows-gnu; do
    step "type check for $target" tools/cross.sh "$target" check licenceaddin licenceserver
done
step "faults of archives are found" python3 manifest/check_test.py
mapfile -t names < <(integration_tests licence | grep -E '^(abi|component|valgrind)' || true)
step "the component in the C++ host" run_tests "${names[@]}"
failover() {
    # From the whole workspace, so that nothing is compiled twice.
    cargo build --workspace --locked --example failover
    "${CARGO_TARGET_DIR:-target}/debug/examples/failover" 5
}
step "failover beside its budgets" failover

work=$(mktemp -d -t licence-component.XXXXXX)
trap 'rm -rf "$work"' EXIT
profile=quick && [[ -z ${LICENCE_LONG:-} ]] || profile=
LICENCE_PROFILE=$profile tools/component.sh --out "$work"
libraries=$work/$(workspace_version)
others=$libraries
if [[ -n ${LICENCE_LONG:-} ]]; then
    # In folders of its own, so that the two versions are not built in turn.
    LICENCE_BUILD_NUMBER=7528 LICENCE_PROFILE=quick LICENCE_RELEASE_FOLDER=$CACHE/release-other \
        step "another version" tools/component.sh --out "$work"
    others=$work/$(LICENCE_BUILD_NUMBER=7528 workspace_version)
fi
other_library() {
    local said
    if said=$(python3 tools/symbols.py "$(gcc -print-file-name=libc.so.6)" 2>&1); then die "the C library passes for the component"; fi
    grep -F ": needs glibc" <<<"$said"
    grep -qF "hides ['DestroyObject'" <<<"$said"
}
step "faults of libraries are found" other_library

# The installed component is another matter: it needs folders of root's, a Linux for them, and two versions.
mapfile -t abi < <(integration_tests licence | grep '^abi' | grep -vx abi_installed)
runner=$(wine_runner)
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=$runner CARGO_TARGET_I686_PC_WINDOWS_GNU_RUNNER=$runner
in_host() { # TARGET LIBRARY
    LICENCE_TEST_LIBRARY=$libraries/$2 tools/cross.sh "$1" test licence -- "${abi[@]/#/--test=}"
}
# Most of these wait for something, so that more of them than there are processors run at once.
unit_tests() { RUST_TEST_THREADS=16 tools/cross.sh "$1" test licenceaddin -- --lib; } # TARGET
# An installed component that may be trusted makes the objects: this one, or in the long run another version that was really built.
installed() { # TARGET LIBRARY
    LICENCE_TEST_LIBRARY=$others/$2 LICENCE_TEST_VERSION=${others##*/} \
        tools/cross.sh "$1" test licenceaddin -- --lib a_library_that_is_trusted -- --ignored | tee "$work/installed"
    grep -q 'test result: ok. 1 passed' "$work/installed"
}
# A process of that platform, for tests that run on this one.
takes_a_seat() { # TARGET LIBRARY PROGRAM RUNNER…
    local process=$CACHE/cross/target/$1/debug/$3
    printf '#!/bin/sh\nexec %s "$@"\n' "${*:4} $process" >"$work/process1c-$1"
    chmod 755 "$work/process1c-$1"
    LICENCE_TEST_LIBRARY=$libraries/$2 LICENCE_TEST_PROCESS=$work/process1c-$1 run_tests main_job
}
LICENCE_TEST_LIBRARY=$libraries/licenceaddin.x86_64.so step "Linux x86_64: the build for old systems in the host" run_tests "${abi[@]}"
if [[ -z ${LICENCE_LONG:-} ]]; then
    # What is shipped is optimised otherwise, and std is built for it without what a library does not need.
    shipped=$(tools/release.sh x86_64-unknown-linux-gnu licenceaddin)
    LICENCE_TEST_LIBRARY=$shipped step "Linux x86_64: as it is shipped" run_tests main_job "${abi[@]}"
fi
step "Linux i386: unit tests" unit_tests i686-unknown-linux-gnu
step "Linux i386: installed" installed i686-unknown-linux-gnu licenceaddin.i386.so
step "Linux i386: in the host" in_host i686-unknown-linux-gnu licenceaddin.i386.so
installed_i386() {
    LICENCE_TEST_LIBRARY=$libraries/licenceaddin.i386.so LICENCE_TEST_OTHER_LIBRARY=$others/licenceaddin.i386.so \
        tools/cross.sh i686-unknown-linux-gnu test licence -- --test=abi_installed
}
[[ -z ${LICENCE_LONG:-} ]] || step "Linux i386: two versions" installed_i386
step "Linux i386: a seat" takes_a_seat i686-unknown-linux-gnu licenceaddin.i386.so process1c
step "Windows x86_64: unit tests" unit_tests x86_64-pc-windows-gnu
step "Windows x86_64: installed" installed x86_64-pc-windows-gnu licenceaddin.x86_64.dll
step "Windows x86_64: in the host" in_host x86_64-pc-windows-gnu licenceaddin.x86_64.dll
step "Windows x86_64: a seat" takes_a_seat x86_64-pc-windows-gnu licenceaddin.x86_64.dll process1c.exe "$runner"
step "Windows i386: unit tests" unit_tests i686-pc-windows-gnu
step "Windows i386: installed" installed i686-pc-windows-gnu licenceaddin.i386.dll
step "Windows i386: in the host" in_host i686-pc-windows-gnu licenceaddin.i386.dll
step "Windows i386: a seat" takes_a_seat i686-pc-windows-gnu licenceaddin.i386.dll process1c.exe "$runner"
