#!/usr/bin/env bash
# The packages: built, checked by lintian, rpmlint and systemd, and installed, asked, upgraded and removed in clean systems.
#
# The programs in them are built by the profile `quick`; ./test --long builds those that are shipped, and all packages twice.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/lib.sh
. tools/trees.sh

need_packages gcc python3 lintian rpm rpmlint systemd desktop-file-utils debootstrap
[[ $(id -u) == 0 ]] || die "packages are installed into trees of their own, which only root can make; run: sudo ./test packages"
work=$(mktemp -d -t licence-packages-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
export PACKAGES=$work
long=${LICENCE_LONG:-}
[[ -n $long ]] || export LICENCE_PROFILE=quick

# Two versions of the same programs: an upgrade is a change of packages.
old=3.0.1.1 new=3.0.1.2
parts=(linux-x86_64)
[[ -z $long ]] || parts+=(linux-i386)
LICENCE_VERSION=$old tools/packages.sh --out "$work/$old" "${parts[@]}"
LICENCE_VERSION=$new tools/packages.sh --out "$work/$new" "${parts[@]}"

same_bytes() {
    LICENCE_VERSION=$new tools/packages.sh --out "$work/again" "${parts[@]}"
    cmp "$work/again/SHA256SUMS" "$work/$new/SHA256SUMS"
}
unit() {
    local folder=$work/unit exposure
    mkdir -p "$folder"
    # Verified on this computer, where the program is not in its place: any program stands for it.
    sed 's|/opt/1C/licence/3.0/[a-z.]*|/bin/true|' packaging/linux/licenceserver/licenceserver.service >"$folder/licenceserver.service"
    systemd-analyze verify --man=no "$folder/licenceserver.service"
    exposure=$(systemd-analyze security --offline=true --no-pager packaging/linux/licenceserver/licenceserver.service | tail -n 1)
    printf '%s\n' "$exposure"
    python3 -c 'import re, sys; sys.exit(not float(re.search(r"[0-9.]+", sys.argv[1].split(":")[1])[0]) < 3.0)' "$exposure"
}
linters() {
    lintian --allow-root --fail-on error --tag-display-limit 0 "$work/$new"/*.deb
    rpmlint --config packaging/linux/rpmlint.toml "$work/$new"/*.rpm >"$work/rpmlint" || { cat "$work/rpmlint" && return 1; }
    tail -n 1 "$work/rpmlint"
    desktop-file-validate packaging/linux/licenceserver/licenceserver.desktop
}

step "lintian, rpmlint and the desktop entry" linters
step "the unit of systemd" unit
step "two builds give the same bytes" same_bytes
step "deb in Debian 12" in_tree "$(tree bookworm)" packaging/tests/install.sh deb amd64 $old $new
step "deb in Debian 13" in_tree "$(tree trixie)" packaging/tests/install.sh deb amd64 $old $new
step "rpm in a tree" in_tree "$(tree bookworm)" packaging/tests/install.sh rpm x86_64 $old $new
