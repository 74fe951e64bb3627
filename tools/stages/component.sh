#!/usr/bin/env bash
# The library that 1C loads: it and the server type-check for every target; tests/abi_*.rs and tests/component_*.rs drive
# it through the C++ host, and tests/valgrind.rs runs that host under valgrind.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/lib.sh

need_packages gcc g++ libc6-dev python3 valgrind iproute2 nftables
need_cargo

for target in x86_64-unknown-linux-gnu i686-unknown-linux-gnu x86_64-pc-windows-gnu i686-pc-windows-gnu; do
    step "type check for $target" tools/cross.sh "$target" check licenceaddin licenceserver
done
mapfile -t names < <(integration_tests licence | grep -E '^(abi|component|valgrind)' || true)
step "the component in the C++ host" run_tests "${names[@]}"
