#!/bin/sh
# Installs the licence server as a service and starts it: as a unit of systemd, or by /etc/init.d where there is no systemd.
#
#   ./installdaemon.sh              registers the service, starts or restarts it
#   ./installdaemon.sh --remove     stops the service and takes it out of the system; the program and its files stay
#
# Call it yourself when the service has gone, for example after another program's upgrade. The package calls it with
#   --installed   registers and starts the service, unless the system forbids packages to start services
#   --upgraded    takes a running service to the new program; one that is stopped or disabled stays so
set -eu
HERE=/opt/1C/licence/3.0
NAME=licenceserver
UNIT=$NAME.service
INIT=/etc/init.d/$NAME

if [ "$(id -u)" != 0 ]; then
    echo "installdaemon.sh: run it as root" >&2
    exit 4
fi

# Its tools alone, on a system that another init starts, are not systemd. Where there is no init at all, an image is being built.
has_systemd() {
    command -v systemctl >/dev/null 2>&1 || return 1
    if [ -d /run/systemd/system ] || [ ! -e /sbin/init ]; then return 0; fi
    case $(readlink -f /sbin/init) in
    */systemd) return 0 ;;
    *) return 1 ;;
    esac
}
# It is installed but does not run while an image is being built: then the unit is started by the first boot.
systemd_runs() { [ -d /run/systemd/system ] && has_systemd; }

# Whoever builds an image, or an administrator, may forbid packages to start services.
allowed() { [ ! -x /usr/sbin/policy-rc.d ] || /usr/sbin/policy-rc.d "$NAME" "$1" >/dev/null 2>&1; }

register() {
    if has_systemd; then
        if systemd_runs; then systemctl daemon-reload; fi
        # A masked unit stays masked: somebody wanted that.
        systemctl enable "$UNIT" >/dev/null 2>&1 || echo "installdaemon.sh: systemctl enable $UNIT fails" >&2
        return 0
    fi
    put_init_script
    if command -v update-rc.d >/dev/null 2>&1; then
        update-rc.d "$NAME" defaults >/dev/null
    elif command -v chkconfig >/dev/null 2>&1; then
        chkconfig --add "$NAME"
    fi
}

put_init_script() {
    mkdir -p /etc/init.d
    cp "$HERE/licenceserver.init" "$INIT"
    chmod 0755 "$INIT"
}

# service ACTION
service() {
    if systemd_runs; then
        systemctl "$1" "$UNIT"
    elif ! has_systemd && [ -x "$INIT" ]; then
        "$INIT" "$1"
    fi
}

remove() {
    service stop || true
    if has_systemd; then systemctl --no-reload disable "$UNIT" >/dev/null 2>&1 || true; fi
    [ -e "$INIT" ] || return 0
    if command -v chkconfig >/dev/null 2>&1 && ! command -v update-rc.d >/dev/null 2>&1; then chkconfig --del "$NAME" || true; fi
    rm -f "$INIT"
    if command -v update-rc.d >/dev/null 2>&1; then update-rc.d "$NAME" remove >/dev/null || true; fi
}

# An installation is not undone because the service does not start: the port may be taken until the administrator frees it.
or_say() {
    "$@" || cat >&2 <<END
licenceserver is installed and does not start. See $HERE/licenceserver doctor and /var/1C/licence/3.0/logs,
then: service licenceserver start
Сервер установлен, но не запускается. Посмотрите, что скажет $HERE/licenceserver doctor, и журналы в
/var/1C/licence/3.0/logs, затем выполните: service licenceserver start
END
}

case ${1-} in
--remove) remove ;;
--installed)
    register
    if allowed start; then or_say service restart; fi
    ;;
--upgraded)
    if systemd_runs; then
        systemctl daemon-reload
    elif [ -e "$INIT" ]; then
        put_init_script
    fi
    if allowed restart; then or_say service try-restart; fi
    ;;
'')
    register
    service restart
    ;;
*)
    sed -n '4,5s/^# *//p' "$0" >&2
    exit 2
    ;;
esac
