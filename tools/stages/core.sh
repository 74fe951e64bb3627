#!/usr/bin/env bash
# Formatting, lints, the tests that need neither a server nor a host, the 1C samples, and a short run of the fuzz targets.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/lib.sh

need_packages gcc g++ libc6-dev python3 shellcheck
need_cargo_commands fmt clippy

samples() {
    local python
    python=$(python_for_samples)
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    "$python" 1c-samples/build_epf.py "$folder/one.epf"
    "$python" 1c-samples/build_epf.py "$folder/two.epf"
    cmp "$folder/one.epf" "$folder/two.epf"
}

# All scripts with a first line that names a shell; those that are put into others are checked in the packages.
scripts() {
    grep -l -I -m1 -E '^#!/(bin/sh|usr/bin/env bash)|^# shellcheck shell=' -r --exclude-dir=target --exclude-dir=.git . |
        xargs -d '\n' grep -L '^@include' | xargs -d '\n' shellcheck --external-sources --severity=warning
}

fuzz() {
    local seconds=$1 log=$CACHE/fuzz/log name corpus names
    cargo_tool cargo-fuzz 0.13.2
    # The sanitizer's switches are not stable yet; the compiler is.
    export RUSTC_BOOTSTRAP=1
    # cargo-fuzz has no --locked, and would write a stale lock file anew without a word.
    cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null ||
        die "fuzz/Cargo.lock is behind the workspace; run: cargo update --workspace --manifest-path fuzz/Cargo.toml"
    names=$(cargo fuzz list)
    [[ -n $names ]] || die "fuzz/ holds no target"
    cargo fuzz build --target-dir "$CACHE/fuzz/target"
    for name in $names; do
        say "fuzz target $name, $seconds s"
        corpus=$CACHE/fuzz/corpus/$name
        mkdir -p "$corpus"
        # New inputs go to the first folder; the others are read only.
        if ! cargo fuzz run --target-dir "$CACHE/fuzz/target" "$name" "$corpus" protocol/tests/golden -- \
            "-max_total_time=$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=0 >"$log" 2>&1; then
            cat "$log"
            die "the fuzz target $name failed; its input is in fuzz/artifacts/$name"
        fi
        grep '^stat::number_of_executed_units\|^stat::new_units' "$log"
    done
}

step "formatting" cargo fmt --all --check
step "shellcheck" scripts
step "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
step "unit tests" cargo test --workspace --locked --lib --bins
[[ -z ${LICENCE_LONG:-} ]] ||
    step "the rules beside their model" env PROPTEST_CASES=20000 cargo test --workspace --locked --lib -- accounting::model_tests
mapfile -t names < <(integration_tests licence-protocol licenceaddin licencecenter)
mapfile -t sample_tests < <(integration_tests licence | grep -E '^(bsl|guide)')
((${#names[@]} && ${#sample_tests[@]})) || die "tests of this stage are missing"
step "tests of formats, tools and samples" run_tests "${names[@]}" "${sample_tests[@]}"
step "samples for 1C" samples
[[ ! -d fuzz ]] || step "fuzz" fuzz "${LICENCE_FUZZ_SECONDS:-10}"
