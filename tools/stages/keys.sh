#!/usr/bin/env bash
# Activation codes, reserve codes and renewals: the licence centre and the server as programs, tests/keys_*.rs.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/lib.sh

need_packages gcc g++ libc6-dev python3
need_cargo

mapfile -t names < <(integration_tests licence | grep '^keys' || true)
step "the life of keys" run_tests "${names[@]}"
