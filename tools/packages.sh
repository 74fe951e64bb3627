#!/usr/bin/env bash
# tools/packages.sh              builds all packages into dist/
# tools/packages.sh --out DIR [PART…]   into another folder; parts: linux-x86_64 linux-i386 windows
#
# The files depend on the commit alone: times come from it, owners and order are fixed, so that two builds of one commit
# give the same bytes. LICENCE_PROFILE=quick packs programs that are built faster (tools/release.sh), and packs them less tightly.
# LICENCE_VERSION=3.0.1.2 gives the packages another number: what the tests of upgrades use.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib.sh

out=$PWD/dist parts=()
while (($#)); do
    case $1 in
    --out) out=$(realpath -m "$2") && shift 2 ;;
    linux-x86_64 | linux-i386 | windows) parts+=("$1") && shift ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) die "no part '$1'; there are: linux-x86_64 linux-i386 windows" ;;
    esac
done
((${#parts[@]})) || parts=(linux-x86_64 linux-i386 windows)

need_packages dpkg-dev rpm xz-utils python3
version=${LICENCE_VERSION:-$(workspace_version)}
SOURCE_DATE_EPOCH=$(commit_time)
export SOURCE_DATE_EPOCH
maker=open-licence
maintainer="Licences for 1C:Enterprise <maintainers@licence.invalid>"
homepage=https://licence.invalid/
# Of xz, and what the installers are told.
level=6 quick=()
[[ ${LICENCE_PROFILE:-} != quick ]] || level=1 quick=(-DQUICK)
work=$(mktemp -d -t licence-packages.XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
# Packages of another version are what this folder had before: whoever publishes it, or makes an image of it, wants one version.
for name in licenceserver licenceaddin licencecenter; do
    find "$out" -maxdepth 1 -type f -name "$name-3.*" ! -name "$name-$version.*" -delete
done

# same_times FOLDER: what was not there a moment ago gets the commit's time.
same_times() { find "$1" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +; }

# script_file PACKAGE NAME: a package's maintainer script, else the one that packages share.
script_file() {
    local file=packaging/linux/$1/$2
    [[ -e $file ]] || file=packaging/linux/common/$2
    printf '%s\n' "$file"
}

# script FORMAT PACKAGE MACHINE NAME: a maintainer script with its parts put in, or nothing.
script() {
    local file
    file=$(script_file "$2" "$4")
    [[ -e $file ]] || return 0
    python3 - "$@" "$version" "$file" <<'END'
import pathlib, re, sys
form, package, machine, name, version, file = sys.argv[1:]
common = pathlib.Path("packaging/linux/common")
fields = pathlib.Path(f"packaging/linux/{package}/fields").read_text()
text = pathlib.Path(file).read_text()
text = re.sub(r"^@include (\S+)\n", lambda found: (common / found[1]).read_text(), text, flags=re.M)
guarded = re.search(r'^guarded="(.*)"', fields, re.M)[1]
for word, value in {"GUARDED": guarded, "PACKAGE": package, "FORMAT": form, "MACHINE": machine, "VERSION": version}.items():
    text = text.replace(f"@{word}@", value)
print(text, end="")
END
}

# pack PACKAGE MACHINE BINARIES
pack() {
    local package=$1 machine=$2 summary description section deb_depends deb_extra rpm_requires guarded deb_arch name
    # Of the same kind of processes: a 64-bit system without the other kind's library has a glibc too.
    local rpm_libc="libc.so.6(GLIBC_2.17)" && [[ $machine == i386 ]] || rpm_libc+="(64bit)"
    # shellcheck disable=SC1090
    . "packaging/linux/$package/fields"
    : "$guarded" "$rpm_libc"
    rm -rf "${work:?}/$package"
    packaging/linux/layout.sh "$package" "$machine" "$3" "$work/$package"
    pack_rpm "$@"
    pack_deb "$@"
}

pack_deb() {
    local root=$work/$package/root doc=$work/$package/root/usr/share/doc/$package
    deb_arch=amd64 && [[ $machine == x86_64 ]] || deb_arch=i386
    # What the file calls amd64 and i386 dpkg calls so too.
    mkdir -p "$root/DEBIAN" "$root/usr/share/lintian/overrides"
    printf '%s (%s) stable; urgency=medium\n\n  * Version %s; what is new is in the documentation.\n\n -- %s  %s\n' \
        "$package" "$version" "$version" "$maintainer" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.gz"
    [[ ! -e packaging/linux/$package/lintian ]] ||
        install -m 644 "packaging/linux/$package/lintian" "$root/usr/share/lintian/overrides/$package"
    rmdir --ignore-fail-on-non-empty "$root/usr/share/lintian/overrides"
    for name in preinst postinst prerm postrm; do
        script deb "$package" "$machine" "$name" >"$root/DEBIAN/$name"
        [[ -s $root/DEBIAN/$name ]] || rm "$root/DEBIAN/$name"
    done
    chmod 755 "$root"/DEBIAN/*
    {
        printf 'Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: %s\n' "$package" "$version" "$deb_arch" "$maintainer"
        printf 'Installed-Size: %s\n' "$(du -k -s --apparent-size --exclude=DEBIAN "$root" | cut -f1)"
        printf 'Depends: %s\n%s' "$deb_depends" "${deb_extra:+$deb_extra$'\n'}"
        printf 'Section: %s\nPriority: optional\nHomepage: %s\nLicence-Maker: %s\n' "$section" "$homepage" "$maker"
        printf 'Description: %s\n' "$summary"
        printf ' %s\n' "${description//$'\n'/$'\n '}"
    } >"$root/DEBIAN/control"
    (cd "$root" && find . -type f ! -path './DEBIAN/*' -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' md5sum >DEBIAN/md5sums)
    chmod 644 "$root/DEBIAN/control" "$root/DEBIAN/md5sums"
    same_times "$root"
    dpkg-deb --root-owner-group -Zxz -z$level --build "$root" "$out/$package-$version.$deb_arch.deb" >/dev/null
}

pack_rpm() {
    local top=$work/rpm spec=$work/$package.spec root=$work/$package/root section_name
    same_times "$root"
    {
        cat <<END
Name: $package
Version: $version
Release: 1
Summary: $summary
License: MIT OR Apache-2.0
Vendor: $maker
Packager: $maintainer
URL: $homepage
Group: System Environment/Daemons
Requires: $rpm_requires
AutoReqProv: no
%description
$description
END
        for name in preinst:pre postinst:post prerm:preun postrm:postun; do
            section_name=${name#*:} name=${name%:*}
            [[ -e $(script_file "$package" "$name") ]] || continue
            printf '%%%s\n' "$section_name"
            # A percent sign is doubled: rpm would take it for a macro.
            script rpm "$package" "$machine" "$name" | sed '1d; s/%/%%/g'
        done
        # An empty folder of the packages' own, so that rpmbuild clears nothing of ours.
        printf '%%install\ncp -a %s/. %%{buildroot}/\n%%files\n' "$root"
        # Directories that others own too are left out; the documentation is marked as such.
        (cd "$root" && find . \( -type f -o -type l \) -printf '/%P\n' | LC_ALL=C sort |
            sed -E 's|^(/usr/share/doc/.*/copyright)$|%license \1|; s|^(/usr/share/man/.*)$|%doc \1|')
        [[ ! -d $root/opt ]] || printf '%%dir %s\n' /opt/1C /opt/1C/licence /opt/1C/licence/3.0
        printf '%%changelog\n* %s %s %s-1\n- Version %s; what is new is in the documentation.\n' \
            "$(LC_ALL=C date -u -d "@$SOURCE_DATE_EPOCH" '+%a %b %d %Y')" "$maintainer" "$version" "$version"
    } >"$spec"
    rpmbuild --quiet -bb --target "$machine" --buildroot "$work/rpm/root" \
        --define "_topdir $top" --define "_rpmdir $work/out" --define "_buildhost reproducible" \
        --define "use_source_date_epoch_as_buildtime 1" --define "clamp_mtime_to_source_date_epoch 1" \
        --define "_build_id_links none" --define "_binary_payload w$level.xzdio" --define "__os_install_post %{nil}" \
        --define "_build_name_fmt %%{NAME}-%%{VERSION}.%%{ARCH}.rpm" --define "debug_package %{nil}" \
        "$spec"
    mv "$work/out/$package-$version.$machine.rpm" "$out/"
}

# linux MACHINE TARGET: builds the programs and packs them.
linux() {
    local machine=$1 target=$2 binaries=$work/bin-$1 package program shell
    mkdir -p "$binaries/completion"
    tools/release.sh "$target" licenceserver licenceaddin licencecenter >"$work/built"
    xargs -d '\n' python3 tools/symbols.py <"$work/built"
    while read -r program; do cp "$program" "$binaries/"; done <"$work/built"
    for program in licenceserver licenceedit; do
        for shell in bash zsh fish; do
            "$binaries/$program" completion $shell >"$binaries/completion/$program.$shell"
        done
    done
    for package in licenceserver licenceaddin licencecenter; do
        pack "$package" "$machine" "$binaries"
        tools/sbom.py "$package" "$target" "$version" "$out/$package-$version.$machine.cdx.json"
    done
}

# windows: builds the programs for both kinds of processes; an installer has both.
windows() {
    local arch target package file files=$work/windows
    need_packages nsis
    for arch in x86_64 i386; do
        mkdir -p "$files/$arch"
        target=${arch/i386/i686}-pc-windows-gnu
        tools/release.sh "$target" licenceserver licenceaddin >"$work/built"
        xargs -d '\n' python3 tools/symbols.py <"$work/built"
        while read -r file; do cp "$file" "$files/$arch/"; done <"$work/built"
        for package in licenceserver licenceaddin; do
            tools/sbom.py "$package" "$target" "$version" "$out/$package-$version.win-$arch.cdx.json"
        done
    done
    # The editors of Windows want its ends of lines, and the user's folder is another one.
    sed 's/$/\r/' server/src/conf/default.conf >"$files/licenceserver.conf.sample"
    sed -e 's|to \.1C/licence/3\.0/licenceaddin\.conf in$|to %LocalAppData%\\1C\\licence\\3.0\\licenceaddin.conf|' \
        -e 's|^; a user.s home folder (for|; (for|' -e 's/$/\r/' \
        packaging/linux/licenceaddin/licenceaddin.conf.sample >"$files/licenceaddin.conf.sample"
    grep -q '%LocalAppData%' "$files/licenceaddin.conf.sample"
    for package in licenceserver licenceaddin; do
        makensis -V2 -WX -INPUTCHARSET UTF8 ${quick[@]+"${quick[@]}"} "-DPACKAGE=$package" "-DVERSION=$version" "-DMAKER=$maker" "-DFILES=$files" \
            "-DOUT=$out/$package-$version.win.exe" "packaging/windows/$package.nsi"
    done
}

for part in "${parts[@]}"; do
    case $part in
    linux-x86_64) step "packages for Linux x86_64" linux x86_64 x86_64-unknown-linux-gnu ;;
    linux-i386) step "packages for Linux i386" linux i386 i686-unknown-linux-gnu ;;
    windows) step "installers for Windows" windows ;;
    esac
done
# shellcheck disable=SC2094  # the sums' own file is left out
(cd "$out" && find . -maxdepth 1 -type f ! -name SHA256SUMS -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum >SHA256SUMS)
printf '\n%-44s %12s\n' package bytes
(cd "$out" && find . -maxdepth 1 -type f ! -name SHA256SUMS -printf '%P %s\n' | LC_ALL=C sort | while read -r name size; do
    printf '%-44s %12s\n' "$name" "$size"
done)
