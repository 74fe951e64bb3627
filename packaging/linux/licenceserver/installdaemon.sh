#!/bin/sh
# Installs the licence server as a service and starts it: as a unit of systemd, or by /etc/init.d where there is no systemd.
#
#   ./installdaemon.sh            registers the service, starts or restarts it
#   ./installdaemon.sh --remove   takes the service out of the system; the program and its files stay
#
# The package calls it. Call it yourself when the service has gone, for example after another program's upgrade.
set -e
HERE=/opt/1C/licence/3.0
UNIT=licenceserver.service

[ "$(id -u)" = 0 ] || {
    echo "installdaemon.sh: run it as root" >&2
    exit 1
}

has_systemd() { [ -d /run/systemd/system ] || command -v systemctl >/dev/null 2>&1; }

remove() {
    if command -v systemctl >/dev/null 2>&1; then systemctl --no-reload disable "$UNIT" >/dev/null 2>&1 || true; fi
    if [ -e /etc/init.d/licenceserver ]; then
        rm -f /etc/init.d/licenceserver
        if command -v update-rc.d >/dev/null 2>&1; then
            update-rc.d licenceserver remove >/dev/null
        elif command -v chkconfig >/dev/null 2>&1; then
            chkconfig --del licenceserver
        fi
    fi
}

# Whoever builds an image, or an administrator, may forbid packages to start services.
allowed() {
    [ "$1" = --package ] && [ -x /usr/sbin/policy-rc.d ] || return 0
    /usr/sbin/policy-rc.d licenceserver restart >/dev/null 2>&1
}

case $1 in
--remove)
    remove
    exit 0
    ;;
esac

if has_systemd; then
    # Where systemd is installed but does not run (an image being built), the unit is started by the next boot.
    [ ! -d /run/systemd/system ] || systemctl daemon-reload
    systemctl enable "$UNIT" >/dev/null 2>&1
    [ ! -d /run/systemd/system ] || ! allowed "$1" || systemctl restart "$UNIT"
else
    mkdir -p /etc/init.d
    cp "$HERE/licenceserver.init" /etc/init.d/licenceserver
    chmod 0755 /etc/init.d/licenceserver
    if command -v update-rc.d >/dev/null 2>&1; then
        update-rc.d licenceserver defaults >/dev/null
    elif command -v chkconfig >/dev/null 2>&1; then
        chkconfig --add licenceserver
    fi
    ! allowed "$1" || /etc/init.d/licenceserver restart
fi
