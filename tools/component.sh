#!/usr/bin/env bash
# tools/component.sh [--out DIR]   builds the component for its four platforms, and the archive for a configuration's template
#
# Into dist/ or DIR go licenceaddin-VERSION.zip and, under VERSION/, the four libraries in it. Each library shows exactly its
# six functions and needs nothing that is newer than glibc 2.17 or does not come with Windows (tools/symbols.py); the archive
# is one that 1C takes (manifest/check.py). The bytes depend on the commit alone.
# LICENCE_PROFILE=quick builds faster, as for tools/packages.sh; LICENCE_BUILD_NUMBER=2 builds another version.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib.sh

out=$PWD/dist
while (($#)); do
    case $1 in
    --out) out=$(realpath -m "$2") && shift 2 ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) die "unknown argument $1; see tools/component.sh --help" ;;
    esac
done

need_packages python3 binutils
version=$(workspace_version)
moment=$(commit_time)
libraries=$out/$version
mkdir -p "$libraries"

build() {
    local target=$1 name=$2 built
    built=$(tools/release.sh "$target" licenceaddin)
    [[ -e $built ]] || die "the build for $target made '$built' instead of one library"
    install -m 644 "$built" "$libraries/$name"
}

files=()
for pair in x86_64-unknown-linux-gnu:x86_64.so i686-unknown-linux-gnu:i386.so x86_64-pc-windows-gnu:x86_64.dll i686-pc-windows-gnu:i386.dll; do
    name=licenceaddin.${pair#*:}
    step "the component for ${pair%:*}" build "${pair%:*}" "$name"
    files+=("$libraries/$name")
done
archive=$out/licenceaddin-$version.zip
step "symbols" python3 tools/symbols.py "${files[@]}"
python3 manifest/pack.py "$version" "$moment" "$archive" "${files[@]}"
python3 manifest/check.py "$archive" "$version"
printf '%s: %s bytes\n' "$archive" "$(stat -c %s "$archive")"
