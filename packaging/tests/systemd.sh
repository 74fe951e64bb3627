# shellcheck shell=bash
# Runs inside a throw-away tree whose first process is systemd: the unit of the package, for real.
#
# systemd.sh ARCH OLD NEW   /packages/OLD and /packages/NEW hold two versions of the packages
# shellcheck disable=SC2016  # what is in single quotes is for the inner shell
arch=$1 old=$2 new=$3
passed=0

fail() {
    printf 'FAILED: %s\n' "$*"
    systemctl status --no-pager --full licenceserver || true
    journalctl --no-pager --lines 30 --unit licenceserver || true
    exit 1
}
check() { # TEXT COMMAND…
    local text=$1
    shift
    "$@" >/tmp/check 2>&1 || { cat /tmp/check && fail "$text"; }
    passed=$((passed + 1))
    printf 'ok: %s\n' "$text"
}
is() { [[ $(systemctl show --property "$1" --value licenceserver) == "$2" ]] || { systemctl show --property "$1" licenceserver && return 1; }; }
install() { dpkg -i "/packages/$1/licenceserver-$1.$arch.deb" </dev/null; }
main_process() { systemctl show --property MainPID --value licenceserver; }
ready() { /opt/1C/licence/3.0/licenceserver ready; }
comes_back() { # COMMAND…
    for ((tries = 0; tries < 300; tries++)); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    return 1
}

check "version $old installs" install "$old"
check "systemd heard that it is ready" is ActiveState active
check "of the server itself" is Type notify
check "its watchdog is on" is WatchdogUSec 30s
check "it is ready within all that the unit closes" ready
check "it is enabled" systemctl --quiet is-enabled licenceserver
check "service licenceserver status" service licenceserver status
check "it runs as its own user" bash -c "[[ \$(stat -c %U /proc/$(main_process)) == licenceserver ]]"
check "without any capability" grep -q '^CapEff:[[:space:]]*0000000000000000$' "/proc/$(main_process)/status"
check "under a filter of system calls" grep -q '^Seccomp:[[:space:]]*2$' "/proc/$(main_process)/status"

# A key whose interface has this class, by what udev makes of its descriptors: nobody knows its vendor.
key() { # CLASS
    cat >/tmp/key.umockdev <<END
P: /devices/usb1/1-1
N: bus/usb/001/002
E: MAJOR=189
E: MINOR=1
E: DEVTYPE=usb_device
E: SUBSYSTEM=usb
A: idVendor=abcd\n
A: idProduct=0007\n
A: serial=17\n
H: descriptors=1201100200000040CDAB070000010102030109022000010100807D0904000002${1}000705810200020007050102000200
END
    umockdev-run -d /tmp/key.umockdev -- udevadm test /sys/devices/usb1/1-1 >/tmp/udev 2>&1
}
opened() { grep -q "60-licenceserver.rules:[0-9]* GROUP $(getent group licenceserver | cut -d: -f3)\$" /tmp/udev && grep -q '60-licenceserver.rules:[0-9]* MODE 0660$' /tmp/udev; }
check "udev looks at a USB key" key FF4C33
check "it opens it to the server's group" opened
check "udev looks at a keyboard" key 030101
check "it leaves that alone" bash -c '! grep "60-licenceserver.rules:[0-9]* " /tmp/udev'

process=$(main_process)
kill -9 "$process"
check "killed, it comes back" comes_back ready
check "as another process" bash -c "[[ $(main_process) != $process ]]"

# watch FILE: until /tmp/enough is there, looks whether the port answers; FILE gets the longest time without, in milliseconds.
watch() {
    local last=${EPOCHREALTIME/./} now longest=0
    until [[ -e /tmp/enough ]]; do
        if (exec 3<>/dev/tcp/127.0.0.1/9099) 2>/dev/null; then
            now=${EPOCHREALTIME/./}
            ((now - last <= longest)) || longest=$((now - last))
            last=$now
        fi
    done
    echo $((longest / 1000)) >"$1"
}
process=$(main_process)
watch /tmp/away &
check "version $new takes its place" install "$new"
check "it runs" is ActiveState active
check "as another process" bash -c "[[ $(main_process) != $process ]]"
check "it is ready" ready
touch /tmp/enough
wait $!
printf 'while dpkg put it there, nobody was answered for %s ms at most\n' "$(cat /tmp/away)"

systemctl stop licenceserver
check "the upgrade of a stopped service" install "$new"
check "leaves it stopped" is ActiveState inactive
check "and enabled" systemctl --quiet is-enabled licenceserver
systemctl disable --quiet licenceserver
check "the upgrade of a disabled service" install "$new"
check "leaves it disabled" bash -c '[[ $(systemctl is-enabled licenceserver) == disabled ]]'
systemctl mask --quiet licenceserver
check "the upgrade of a masked one" install "$new"
check "leaves it masked" bash -c '[[ $(systemctl is-enabled licenceserver) == masked ]]'
systemctl unmask --quiet licenceserver
check "installdaemon.sh brings it back" /opt/1C/licence/3.0/installdaemon.sh
check "enabled" systemctl --quiet is-enabled licenceserver
check "and ready" ready

# The watchdog: a server that does not answer is ended and started anew. Stopped is the best that a test can make of hanging.
mkdir -p /run/systemd/system/licenceserver.service.d
printf '[Service]\nWatchdogSec=3\n' >/run/systemd/system/licenceserver.service.d/fast.conf
systemctl daemon-reload
systemctl restart licenceserver
process=$(main_process)
sleep 7
check "the watchdog is fed: it runs as before" bash -c "[[ $(main_process) == $process ]]"
kill -STOP "$process"
other() { [[ $(main_process) != "$process" && $(main_process) != 0 ]] && ready; }
check "a server that hangs is started anew" comes_back other
rm -r /run/systemd/system/licenceserver.service.d

dpkg -r licenceserver >/dev/null
check "removed, no process is left" bash -c '! pgrep licenceserver'
check "and no unit" bash -c '! systemctl --quiet is-enabled licenceserver 2>/dev/null'
check "installed again, it is enabled and ready" bash -c "dpkg -i /packages/$new/licenceserver-$new.$arch.deb </dev/null && systemctl is-enabled licenceserver"
check "ready again" ready
printf 'checks passed under systemd: %s\n' "$passed"
