#!/usr/bin/env bash
# packaging/linux/layout.sh PACKAGE MACHINE BINARIES OUT
#
# Lays out the files of one package as they will lie on the computer, under OUT/root.
# BINARIES has the programs and the library for this machine (x86_64 or i386). OUT is made anew.
set -euo pipefail
package=$1 machine=$2 binaries=$3 out=$4
here=$(cd "$(dirname "$0")" && pwd)
packaging=$(dirname "$here")
project=$(dirname "$packaging")

rm -rf "$out"
root=$out/root
home=$root/opt/1C/licence/3.0
settings=$root/var/1C/licence/3.0
put() { install -D -m "$1" "$2" "$3"; }
manual() { mkdir -p "$root/usr/share/man/man${1##*.}" && gzip -9n <"$packaging/man/$1" >"$root/usr/share/man/man${1##*.}/$1.gz"; }
completion() { # PROGRAM
    put 644 "$binaries/completion/$1.bash" "$root/usr/share/bash-completion/completions/$1"
    put 644 "$binaries/completion/$1.zsh" "$root/usr/share/zsh/vendor-completions/_$1"
    put 644 "$binaries/completion/$1.fish" "$root/usr/share/fish/vendor_completions.d/$1.fish"
}

case $package in
licenceserver)
    put 755 "$binaries/licenceserver" "$home/licenceserver"
    for script in installdaemon.sh prepare.sh licenceserver.init; do put 755 "$here/$package/$script" "$home/$script"; done
    mkdir -p "$root/usr/sbin"
    ln -s /opt/1C/licence/3.0/licenceserver "$root/usr/sbin/licenceserver"
    # The sample is the file that the server makes when there is none.
    put 644 "$project/server/src/conf/default.conf" "$settings/licenceserver.conf.sample"
    put 644 "$here/$package/licenceserver.service" "$root/usr/lib/systemd/system/licenceserver.service"
    # On a 64-bit computer systemd's own kind of system calls is another one than this program's.
    [[ $machine != i386 ]] ||
        sed -i 's/^SystemCallArchitectures=native$/& x86/' "$root/usr/lib/systemd/system/licenceserver.service"
    put 644 "$here/$package/60-licenceserver.rules" "$root/usr/lib/udev/rules.d/60-licenceserver.rules"
    put 644 "$here/$package/polkit.rules" "$root/usr/share/polkit-1/rules.d/60-licenceserver.rules"
    put 644 "$here/$package/firewalld.xml" "$root/usr/lib/firewalld/services/licenceserver.xml"
    put 644 "$here/$package/licenceserver.desktop" "$root/usr/share/applications/licenceserver.desktop"
    put 644 "$packaging/icons/licenceserver.svg" "$root/usr/share/icons/hicolor/scalable/apps/licenceserver.svg"
    manual licenceserver.8
    completion licenceserver
    ;;
licenceaddin)
    # Not executable, and root's alone: 1C processes load it.
    put 644 "$binaries/liblicenceaddin.so" "$home/licenceaddin-$machine.so"
    put 644 "$here/$package/licenceaddin.conf.sample" "$settings/licenceaddin.conf.sample"
    ;;
licencecenter)
    for program in licenceedit licencecenter; do
        [[ -e $binaries/$program ]] || continue
        put 755 "$binaries/$program" "$root/usr/bin/$program"
        # licencecenter's own commands are few, and it is started by a service.
        [[ ! -e $binaries/completion/$program.bash ]] || completion "$program"
    done
    manual licenceedit.1
    [[ ! -e $packaging/man/licencecenter.8 ]] || manual licencecenter.8
    ;;
*) echo "no package $package" >&2 && exit 1 ;;
esac
put 644 "$here/common/copyright" "$root/usr/share/doc/$package/copyright"
