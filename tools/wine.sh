# shellcheck shell=bash
# Wine, to run what is built for Windows. Sourced after lib.sh; needs root.
#
# Debian's Wine for both kinds of processes comes in a tree of its own, kept in the cache: a foreign architecture added to this
# computer would stay there, and breaks package sources that have only one. A program is started with the tree's /usr and /etc
# in place of this computer's, in a mount namespace of its own: all other paths are the same inside and outside.

# wine_runner: prints a program that runs a Windows program with its arguments.
wine_runner() {
    local folder=$CACHE/wine
    [[ $(id -u) == 0 ]] || die "Wine's tree is mounted for each program, which only root can do; run this with sudo"
    [[ -e $folder/ready ]] || wine_tree "$folder" >&2
    cat >"$folder/run" <<END
#!/bin/bash
# run PROGRAM [ARGUMENT…]
set -eu
program=\$1
[[ \$program == /* ]] || program=\$PWD/\$program
# The loader for the kind of process that the program's header names.
loader=wine64
at=\$(od -An -t u4 -j 60 -N 4 "\$program")
[[ \$(od -An -t x2 -j \$((at + 4)) -N 2 "\$program") != *014c ]] || loader=wine
export WINEPREFIX=$folder/prefix WINEDEBUG=\${WINEDEBUG:--all}
unset DISPLAY WAYLAND_DISPLAY
exec unshare --mount bash -euc '
    mount --bind $folder/root/usr /usr
    mount --bind $folder/root/etc /etc
    exec "\$0" "\$@"' /usr/lib/wine/\$loader "\$@"
END
    chmod 755 "$folder/run"
    [[ -e $folder/prefix/made ]] || step "Wine's drive C:" wine_prefix "$folder" >&2
    printf '%s\n' "$folder/run"
}

# in_wine SCRIPT [ARGUMENT…]: runs a script with a throw-away copy of drive C:, a network of its own that has loopback alone, and
# processes of its own, which end with it. The script finds the runner in WINE and the drive's folder in DRIVE.
in_wine() {
    local runner
    runner=$(wine_runner)
    # shellcheck disable=SC2016
    unshare --mount --net --pid --fork --kill-child bash -euc '
        runner=$1 prefix=$2/prefix
        shift 2
        layer=$(mktemp -d -t licence-wine.XXXXXX)
        mount -t tmpfs -o size=2g layer "$layer"
        mkdir "$layer/upper" "$layer/work"
        mount -t overlay -o "lowerdir=$prefix,upperdir=$layer/upper,workdir=$layer/work" layer "$prefix"
        mount -t proc proc /proc
        ip link set lo up
        # Busy in the mount of the namespace; the folder outside is an empty one.
        umount --lazy "$layer" && rmdir "$layer"
        WINE=$runner DRIVE=$prefix/drive_c exec bash -eu "$@"
    ' in_wine "$runner" "$CACHE/wine" "$@"
}

wine_tree() {
    local folder=$1 root=$1/root file
    need_packages debootstrap gcc-mingw-w64-x86-64-posix gcc-mingw-w64-i686-posix
    say "making a tree of Debian with Wine in $folder"
    rm -rf "$root"
    mkdir -p "$root"
    debootstrap --variant=minbase bookworm "$root"
    for file in /etc/apt/apt.conf.d/*proxy* /etc/apt/apt.conf; do
        [[ ! -e $file ]] || cp "$file" "$root/etc/apt/apt.conf.d/"
    done
    chroot "$root" dpkg --add-architecture i386
    chroot "$root" apt-get update -qq
    # shellcheck disable=SC2016
    unshare --mount --pid --fork --kill-child bash -euc '
        mount -t proc proc "$0/proc"
        DEBIAN_FRONTEND=noninteractive chroot "$0" apt-get install -y -qq --no-install-recommends wine wine64 wine32:i386' "$root"
    rm -rf "$root"/var/cache/apt/archives/*.deb
    # Wine 8 lacks the library that Rust's std takes random numbers from; Windows has it.
    for file in x86_64 i686; do
        "$file-w64-mingw32-gcc" -O2 -shared -Wl,--kill-at -o "$folder/bcryptprimitives-$file.dll" tools/bcryptprimitives.c -ladvapi32
    done
    touch "$folder/ready"
}

wine_prefix() {
    local folder=$1 windows=$1/prefix/drive_c/windows
    rm -rf "$folder/prefix"
    mkdir -p "$folder/prefix"
    # No page of a browser and no .NET: nothing here needs them, and Wine would ask for them.
    export WINEDLLOVERRIDES="mscoree,mshtml="
    "$folder/run" "$folder/root/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/wineboot.exe" --init
    # There are windows, and nobody sees them.
    "$folder/run" "$windows/system32/reg.exe" add 'HKCU\Software\Wine\Drivers' /v Graphics /d null /f
    # What runs still has its registry in memory.
    "$folder/run" "$windows/system32/wineboot.exe" --end-session --kill
    unset WINEDLLOVERRIDES
    cp "$folder/bcryptprimitives-x86_64.dll" "$windows/system32/bcryptprimitives.dll"
    cp "$folder/bcryptprimitives-i686.dll" "$windows/syswow64/bcryptprimitives.dll"
    touch "$folder/prefix/made"
}
