#!/usr/bin/env bash
# The library that 1C loads: it is built for its four platforms, and each file and the template's archive are looked at; it and the
# server type-check for every target; tests/abi_*.rs and tests/component_*.rs drive it through the C++ host, and
# tests/valgrind.rs runs that host under valgrind.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/lib.sh

need_packages gcc g++ libc6-dev python3 valgrind iproute2 nftables
need_cargo

for target in x86_64-unknown-linux-gnu i686-unknown-linux-gnu x86_64-pc-windows-gnu i686-pc-windows-gnu; do
    step "type check for $target" tools/cross.sh "$target" check licenceaddin licenceserver
done
work=$(mktemp -d -t licence-component.XXXXXX)
trap 'rm -rf "$work"' EXIT
step "faults of archives are found" python3 manifest/check_test.py
LICENCE_PROFILE=quick tools/component.sh --out "$work"
other_library() {
    local said
    if said=$(python3 tools/symbols.py "$(gcc -print-file-name=libc.so.6)" 2>&1); then die "the C library passes for the component"; fi
    grep -F ": needs glibc" <<<"$said"
    grep -qF "hides ['DestroyObject'" <<<"$said"
}
step "faults of libraries are found" other_library

mapfile -t names < <(integration_tests licence | grep -E '^(abi|component|valgrind)' || true)
step "the component in the C++ host" run_tests "${names[@]}"
