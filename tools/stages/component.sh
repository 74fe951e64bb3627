#!/usr/bin/env bash
# The library that 1C loads: every target type-checks; tests/component_*.rs drive it through the C++ host; those of them
# named component_abi* run once more under valgrind.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/lib.sh

need_packages gcc g++ libc6-dev python3 valgrind
need_cargo

under_valgrind() {
    local programs program
    mapfile -t programs < <(cargo test --workspace --locked --no-run --message-format=json --test 'component_abi*' 2>/dev/null |
        python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable") and "test" in message["target"]["kind"]:
        print(message["executable"])')
    ((${#programs[@]})) || die "there is no test tests/component_abi*.rs"
    for program in "${programs[@]}"; do
        # cargo runs tests in their package's folder; the tests are the root package's.
        CARGO_MANIFEST_DIR=$PWD valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect \
            --show-leak-kinds=definite,indirect --num-callers=30 --fair-sched=yes "$program" --test-threads=2
    done
}

for target in x86_64-unknown-linux-gnu i686-unknown-linux-gnu x86_64-pc-windows-gnu i686-pc-windows-gnu; do
    step "type check for $target" tools/cross.sh "$target" check licenceaddin licenceserver
done
mapfile -t names < <(integration_tests licence | grep '^component' || true)
step "the component in the C++ host" run_tests "${names[@]}"
step "the same under valgrind" under_valgrind
