#!/usr/bin/env bash
# The packages: built, checked by lintian, rpmlint and systemd, and installed, asked, upgraded and removed in clean systems,
# those for Windows under Wine; by ./test --long those for i386 too.
#
# The programs in them are built by the profile `quick`; ./test --long builds those that are shipped, and all packages twice.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/lib.sh
. tools/trees.sh
. tools/wine.sh
. packaging/tests/container.sh

need_packages gcc libc6-dev iproute2 python3 lintian rpm rpmlint shellcheck systemd desktop-file-utils debootstrap buildah curl \
    duktape gcc-mingw-w64-x86-64-posix
[[ $(id -u) == 0 ]] || die "packages are installed into trees of their own, which only root can make; run: sudo ./test packages"
work=$(mktemp -d -t licence-packages-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
export PACKAGES=$work
long=${LICENCE_LONG:-}
[[ -n $long ]] || export LICENCE_PROFILE=quick

# Two versions of the same programs: an upgrade is a change of packages.
old=3.0.1.1 new=3.0.1.2
parts=(linux-x86_64 windows)
[[ -z $long ]] || parts+=(linux-i386)
LICENCE_VERSION=$old tools/packages.sh --out "$work/$old" "${parts[@]}"
LICENCE_VERSION=$new tools/packages.sh --out "$work/$new" "${parts[@]}"

packed_again() {
    LICENCE_VERSION=$new tools/packages.sh --out "$work/again" "${parts[@]}"
    cmp "$work/again/SHA256SUMS" "$work/$new/SHA256SUMS"
}
# Everything is compiled twice, in two folders that have nothing in common but the files of the commit.
built_again() {
    local name
    for name in one another/folder; do
        mkdir -p "$work/$name"
        git ls-files -z | tar --create --null --files-from=- | tar --extract --directory "$work/$name"
        (cd "$work/$name" && LICENCE_RELEASE_FOLDER=$work/target-${name%%/*} LICENCE_VERSION=$new tools/packages.sh --out "$work/$name/dist" "${parts[@]}")
        rm -rf "$work/target-${name%%/*}"
    done
    cmp "$work/one/dist/SHA256SUMS" "$work/another/folder/dist/SHA256SUMS"
}
# promtool is one file of Debian's package; the rest of it, a service, is not wanted on this computer.
need_promtool() {
    local folder=$CACHE/promtool
    if [[ ! -x $folder/usr/bin/promtool ]]; then
        apt-get update -qq
        rm -rf "$folder" && mkdir -p "$folder/new"
        (cd "$folder/new" && apt-get download -qq -o APT::Sandbox::User=root prometheus && dpkg-deb --extract ./*.deb .)
        mkdir -p "$folder/usr/bin" && mv "$folder/new/usr/bin/promtool" "$folder/usr/bin/" && rm -r "$folder/new"
    fi
    PATH=$folder/usr/bin:$PATH
}
monitoring() {
    local root=$work/monitored process port
    need_promtool
    (cd packaging/monitoring/prometheus && promtool check config --syntax-only prometheus.yml && promtool check rules licenceserver.rules.yml &&
        promtool test rules licenceserver.rules.test.yml)
    # The page itself, of the program in the package.
    mkdir -p "$root/package" "$root/var/1C/licence/3.0"
    dpkg-deb --extract "$work/$new/licenceserver-$new.amd64.deb" "$root/package"
    printf '[Common]\nServerPort=0\n' >"$root/var/1C/licence/3.0/licenceserver.conf"
    LICENCE_ROOT=$root "$root/package/opt/1C/licence/3.0/licenceserver" run >"$root/said" &
    process=$!
    for ((tries = 0; tries < 300; tries++)); do
        port=$(cat "$root/var/1C/licence/data/server.port" 2>/dev/null) && break
        sleep 0.1
    done
    curl --silent --fail --user admin:admin "http://127.0.0.1:$port/metrics" >"$root/metrics"
    kill $process
    wait $process
    promtool check metrics <"$root/metrics"
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
# The maintainer scripts as they are in the packages, with their parts put in.
scripts() {
    local package control
    for package in "$work/$new"/*.deb; do
        control=$work/control/$(basename "$package")
        mkdir -p "$control"
        dpkg-deb --control "$package" "$control"
        find "$control" -type f -perm -100 -exec shellcheck --severity=warning --exclude=SC2050,SC2043 {} +
    done
}
# What each program is made of: well-formed by CycloneDX's own schema, and one of them for each program of a package.
bills() {
    local file wanted python files=("$work/$new"/*.cdx.json)
    python=$(python_with 'cyclonedx-python-lib[json-validation]==11.12.0')
    # Three for each kind of Linux; server and component for both kinds of processes of Windows.
    wanted=7 && [[ -z $long ]] || wanted=10
    ((${#files[@]} == wanted)) || die "there are ${#files[@]} bills of materials: ${files[*]}"
    for file in "${files[@]}"; do
        "$python" - "$file" <<'END'
import json, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
text = open(sys.argv[1]).read()
error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
assert error is None, error
bill = json.loads(text)
own = {"licence-protocol"}
for part in bill["components"]:
    assert part["name"] in own or part.get("hashes"), part
component = bill["metadata"]["component"]
print(component["name"], "for", component["properties"][0]["value"], "is made of", len(bill["components"]), "crates")
END
    done
}
read_by_others() { "$(python_with PyYAML==6.0.3)" packaging/tests/read_by_others.py; }
linters() {
    lintian --allow-root --fail-on error --tag-display-limit 0 "$work/$new"/*.deb
    rpmlint --config packaging/linux/rpmlint.toml "$work/$new"/*.rpm >"$work/rpmlint" || { cat "$work/rpmlint" && return 1; }
    tail -n 1 "$work/rpmlint"
    desktop-file-validate packaging/linux/licenceserver/licenceserver.desktop
}

windows() {
    local name
    need_packages locales
    mkdir -p "$work/locales"
    localedef --no-archive --inputfile ru_RU --charmap UTF-8 "$work/locales/ru_RU.UTF-8"
    for name in waiting press refuse volatile; do
        x86_64-w64-mingw32-gcc -O1 -Wall -Wextra -Werror "packaging/tests/$name.c" -o "$work/$name.exe"
    done
    in_wine packaging/tests/windows.sh "$work" $old $new "$work" "$work/locales"
}

step "lintian, rpmlint and the desktop entry" linters
step "shellcheck of the maintainer scripts" scripts
step "bills of materials" bills
step "the unit of systemd" unit
step "what other programs read" read_by_others
step "monitoring: rules, alerts, and the page of metrics" monitoring
step "packing twice gives the same bytes" packed_again
[[ -z $long ]] || step "two builds from two folders give the same bytes" built_again
step "deb in Debian 12" in_tree "$(tree bookworm)" packaging/tests/install.sh deb amd64 $old $new
step "deb in Debian 13" in_tree "$(tree trixie)" packaging/tests/install.sh deb amd64 $old $new
step "rpm in a tree" in_tree "$(tree bookworm)" packaging/tests/install.sh rpm x86_64 $old $new
step "the unit under a real systemd" in_booted_tree "$(tree bookworm systemd,udev,umockdev)" packaging/tests/systemd.sh amd64 $old $new
step "the container's image, made anew with its licence" container_life "$(tree bookworm)" "$work/container" "$work/$new" $new
step "installers in Windows (Wine)" windows
if [[ -n $long ]]; then
    step "deb for i386 in a Debian 12 of 32 bits" in_tree "$(tree bookworm '' i386)" packaging/tests/install.sh deb i386 $old $new
    step "rpm for i386 in a tree of 32 bits" in_tree "$(tree bookworm '' i386)" packaging/tests/install.sh rpm i386 $old $new
    step "deb in Debian 11" in_tree "$(tree bullseye)" packaging/tests/install.sh deb amd64 $old $new
fi
