#!/usr/bin/env bash
# The web console in a real browser over a real server with real components: tests/console_*.rs. Pictures of the pages are kept.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/lib.sh

need_packages gcc g++ libc6-dev python3 chromium chromium-driver fonts-dejavu-core
need_cargo
axe_core >/dev/null

# How many sessions tests/console_crowd.rs has.
[[ -z ${LICENCE_LONG:-} ]] || export LICENCE_SESSIONS=100000
mapfile -t names < <(integration_tests licence | grep '^console' || true)
step "the console in a browser" run_tests "${names[@]}"
target=$(cargo metadata --no-deps --format-version 1 --locked | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
say "pictures of the pages: $target/tmp/console"
