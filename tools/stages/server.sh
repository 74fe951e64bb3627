#!/usr/bin/env bash
# The server's own tests, then the end-to-end ones: all of tests/*.rs that no other stage runs.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/lib.sh

need_packages gcc g++ libc6-dev python3 curl
need_cargo
python_for_api >/dev/null

mapfile -t names < <(integration_tests licenceserver)
mapfile -t whole < <(integration_tests licence | grep -vE '^(abi|component|valgrind|bsl|guide|keys|console)')
((${#names[@]} && ${#whole[@]})) || die "tests of this stage are missing"
step "server and end-to-end tests" run_tests "${names[@]}" "${whole[@]}"
