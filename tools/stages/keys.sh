#!/usr/bin/env bash
# Activation codes, reserve codes, renewals and carriers: the licence centre and the server as programs, PKCS#11 by
# SoftHSM2, USB by libusb over umockdev; tests/keys_*.rs.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/lib.sh

need_packages gcc g++ libc6-dev python3 softhsm2 umockdev gir1.2-umockdev-1.0 python3-gi python3-cryptography
need_cargo

mapfile -t names < <(integration_tests licence | grep '^keys' || true)
step "the life of keys" run_tests "${names[@]}"
