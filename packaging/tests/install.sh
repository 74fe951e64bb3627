# shellcheck shell=bash
# Runs inside a throw-away tree (tools/trees.sh): installs, asks, upgrades, removes, purges.
#
# install.sh deb|rpm ARCH OLD NEW   /packages/OLD and /packages/NEW hold two versions of all packages
format=$1 arch=$2 old=$3 new=$4
passed=0

fail() {
    printf 'FAILED: %s\n' "$*"
    for file in /var/1C/licence/3.0/logs/*; do [[ ! -e $file ]] || tail -n 20 "$file"; done
    exit 1
}
# check TEXT COMMAND…: the command must succeed.
check() {
    local text=$1
    shift
    "$@" >/tmp/check 2>&1 || { cat /tmp/check && fail "$text"; }
    passed=$((passed + 1))
    printf 'ok: %s\n' "$text"
}
not() { ! "$@"; }
holds() { grep -qF -- "$2" "$1"; }
answers() { # PATH
    exec 3<>/dev/tcp/127.0.0.1/9099 || return 1
    printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$1" >&3
    timeout 10 cat <&3 >/tmp/answer
    exec 3>&-
    cat /tmp/answer
    head -n 1 /tmp/answer | grep -q '200 OK'
}
owner() { [[ $(stat -c %U:%a "$1") == "$2" ]] || { stat "$1" && return 1; }; }
runs_as_its_user() { [[ $(stat -c %U "/proc/$(cat /var/run/licenceserver.pid)") == licenceserver ]]; }
other_process() { [[ $(cat /var/run/licenceserver.pid) != "$1" ]]; }

files=()
packages() { # VERSION NAME…: sets files
    local version=$1 name
    shift
    files=()
    for name in "$@"; do files+=("/packages/$version/$name-$version.$arch.$format"); done
}
# What rpm wants to be told to install the same version again.
again=()
[[ $format == deb ]] || again=(--replacepkgs)
# Nothing may ask: there is nobody to answer.
install() {
    case $format in
    deb) dpkg -i "$@" </dev/null ;;
    rpm) rpm -U --nodeps "$@" </dev/null ;;
    esac
}
remove() {
    case $format in
    deb) dpkg -r "$@" </dev/null ;;
    rpm) rpm -e --nodeps "$@" </dev/null ;;
    esac
}
all=(licenceserver licenceaddin licencecenter)
install_them() { install "${files[@]}"; }
refused() { ! "${@:-install_them}" >/tmp/refusal 2>&1; }
conf=/var/1C/licence/3.0/licenceserver.conf data=/var/1C/licence/data

packages "$old" "${all[@]}"
check "version $old installs" install "${files[@]}"
check "the service is running" service licenceserver status
check "everybody may write logs" owner /var/1C/licence/3.0/logs root:1777
check "it answers" answers /systeminfo
check "its answer has the version" holds /tmp/answer "Version: "
check "it runs as its own user" runs_as_its_user
opened() { # as many files as its limit lets it, and what it writes is not everybody's
    local process
    process=$(cat /var/run/licenceserver.pid)
    awk '/^Max open files/ { exit !($4 == $5 && $4 > 1024) }' "/proc/$process/limits" && grep -qx 'Umask:.0027' "/proc/$process/status"
}
check "it may have as many connections as the system allows" opened
check "the keys' folder is the server's alone" owner $data licenceserver:750
check "the server's key is the server's alone" owner $data/server.key licenceserver:600
check "the settings were made" owner $conf licenceserver:600
check "a sample lies beside them" holds $conf.sample "; Port of components, console and API"
check "a sample of the component's too" holds /var/1C/licence/3.0/licenceaddin.conf.sample "ForceUseConfig=0"
check "the component is root's and not writable by others" owner "$(echo /opt/1C/licence/3.0/licenceaddin-*.so)" root:644
check "the manuals are there" ls /usr/share/man/man8/licenceserver.8.gz /usr/share/man/man1/licenceedit.1.gz /usr/share/man/man8/licencecenter.8.gz
check "udev opens USB keys to the server's group" holds /usr/lib/udev/rules.d/60-licenceserver.rules 'GROUP="licenceserver"'
check "the shell knows the commands" bash -c '. /usr/share/bash-completion/completions/licenceserver && complete -p licenceserver'
check "the vendor's tool runs" licenceedit --version
[[ $format == deb ]] || check "it wants a C library of its own kind" bash -c '
    rpm -qp --requires "$@" | grep -cx "libc.so.6(GLIBC_2.17)$0" | grep -qx 3' "$([[ $arch == i386 ]] || echo '(64bit)')" "${files[@]}"
centre() { # it answers until it is told to end
    local process
    licencecenter serve --data /tmp/centre &
    process=$!
    for ((tries = 0; tries < 300; tries++)); do
        if (exec 3<>/dev/tcp/127.0.0.1/9098) 2>/dev/null; then break; fi
        sleep 0.1
    done
    exec 3<>/dev/tcp/127.0.0.1/9098 || return 1
    printf 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
    timeout 10 cat <&3 | grep -q '^HTTP/1.1 '
    exec 3>&-
    kill $process && wait $process
}
export LICENCECENTER_PASSPHRASE="a phrase of eight words that nobody would guess"
check "the licence centre is made" licencecenter init --data /tmp/centre
check "it serves" centre
unset LICENCECENTER_PASSPHRASE
# As an administrator would, as root.
check "root makes a licence request" licenceserver request /var/1C/licence/data/test.request
check "what root writes there belongs to the server" owner $data/test.request licenceserver:644
rm $data/test.request

# Exit codes of the init script are those of the Linux Standard Base. Its shell is dash, which forgives nothing.
init=/etc/init.d/licenceserver
ends_with() { # CODE COMMAND…
    local wanted=$1 code=0
    shift
    "$@" || code=$?
    [[ $code == "$wanted" ]] || { echo "exit code $code" && return 1; }
}
check "status of a running service is 0" ends_with 0 sh -eu $init status
check "a second start changes nothing" ends_with 0 sh -eu $init start
check "an unknown word is 2" ends_with 2 sh -eu $init walk
check "no word is 2" ends_with 2 sh -eu $init
check "reload is not there: 3" ends_with 3 sh -eu $init reload
check "status by another user is 0" ends_with 0 setpriv --reuid nobody --clear-groups sh -eu $init status
check "start by another user is 4" ends_with 4 setpriv --reuid nobody --clear-groups sh -eu $init start
process=$(cat /var/run/licenceserver.pid)
kill -9 "$process"
for ((tries = 0; tries < 100; tries++)); do
    [[ -e /proc/$process ]] || break
    sleep 0.1
done
check "status of a dead service is 1" ends_with 1 sh -eu $init status
check "try-restart leaves it" ends_with 0 sh -eu $init try-restart
check "status is 1 still" ends_with 1 sh -eu $init status
check "stop of a dead service is 0" ends_with 0 sh -eu $init stop
check "status of a stopped service is 3" ends_with 3 sh -eu $init status
check "start" ends_with 0 sh -eu $init start
check "an unknown option of installdaemon.sh is 2" ends_with 2 sh -eu /opt/1C/licence/3.0/installdaemon.sh --walk
check "installdaemon.sh by another user is 4" ends_with 4 setpriv --reuid nobody --clear-groups sh /opt/1C/licence/3.0/installdaemon.sh

# What an administrator and years of work leave behind.
printf 'L3LC key of ours' >$data/672B.1.licence
mkdir -p $data/retired $data/pending
printf 'L3RS a key on its way' | tee $data/672B.3.reserve >$data/retired/672B.4.reserve
printf 'L3LC a key of the past' >$data/retired/672B.4.licence
printf 'L3AC a request' >$data/pending/00112233445566778899AABBCCDDEEFF.activation
printf 'a word of another' >$data/pending/notes.txt
printf 'x' | tee $data/.672B.5.licence.0123456789ab.new >/var/1C/licence/3.0/.licenceserver.conf.0123456789ab.new
: >$data/keys.lock
mkdir -p $data/.restore /var/1C/licence/3.0/series.d
printf 'x' | tee $data/.restore/0 $data/.restore/1 $data/.backup.db >/var/1C/licence/3.0/series.d/product.series
printf 'key of another maker' >$data/672B.2.licence
sed -i 's/^Lang=en/; our own words\nLang=ru\nUnknownKey=7/' $conf
process=$(cat /var/run/licenceserver.pid)
packages "$new" "${all[@]}"
check "version $new takes its place without a question" install "${files[@]}"
check "the service is running after the upgrade" service licenceserver status
check "another process" other_process "$process"
check "it answers after the upgrade" answers /systeminfo
check "changed settings were kept" holds $conf $'; our own words'
check "an unknown key was kept" holds $conf $'UnknownKey=7'
check "the key was kept" holds $data/672B.1.licence "key of ours"

check "what root left there belongs to the server" owner $data/672B.3.reserve licenceserver:644
check "another maker's key was left alone" owner $data/672B.2.licence root:644

# An older version does not take a newer one's place, and nobody notices that it was tried.
state() {
    case $format in
    deb) dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' "${all[@]}" ;;
    rpm) rpm -q "${all[@]}" ;;
    esac
    cat /var/run/licenceserver.pid
    sha256sum /opt/1C/licence/3.0/*
}
state >/tmp/state
for name in "${all[@]}"; do
    packages "$old" "$name"
    # What rpm refuses by itself it is told to try all the same.
    [[ $format == deb ]] || check "rpm itself refuses the older $name" refused
    older=(install_them)
    [[ $format == deb ]] || older=(rpm -U --nodeps --oldpackage "${files[@]}")
    check "the older $name is refused" refused "${older[@]}"
    check "the refusal says why" holds /tmp/refusal "$name: version $new is installed, and this package is the older version $old."
    check "in Russian too" holds /tmp/refusal "$name: установлена версия $new, а этот пакет – более старой версии $old."
done
check "nothing was touched, and the same process works on" diff /tmp/state <(state)
check "it answers as before" answers /systeminfo

# What an administrator stopped stays stopped.
check "stopping" service licenceserver stop
packages "$new" licenceserver
# The folder of settings is the server's: what its user puts there must not lead root astray.
mkdir -m 755 /tmp/elsewhere
mv /var/1C/licence/3.0/logs /var/1C/licence/3.0/kept
ln -s /tmp/elsewhere /var/1C/licence/3.0/logs
check "the same version again" install ${again[@]+"${again[@]}"} "${files[@]}"
check "a link in the place of the logs is not followed" owner /tmp/elsewhere root:755
rm /var/1C/licence/3.0/logs && mv /var/1C/licence/3.0/kept /var/1C/licence/3.0/logs
check "a stopped service stays stopped" ends_with 3 service licenceserver status
check "starting" service licenceserver start
check "stopping again" service licenceserver stop
check "status of a stopped service" not service licenceserver status
check "starting" service licenceserver start
check "installdaemon.sh registers it again" /opt/1C/licence/3.0/installdaemon.sh
check "it answers after installdaemon.sh" answers /systeminfo
# The tools of systemd, and another init.
printf '#!/bin/sh\nexit 0\n' >/usr/bin/systemctl
chmod 755 /usr/bin/systemctl
touch /sbin/init
rm $init
check "where systemd is installed and is not the init, the init script serves" /opt/1C/licence/3.0/installdaemon.sh
check "it is there again" ends_with 0 sh -eu $init status
rm /usr/bin/systemctl /sbin/init

check "removing" remove "${all[@]}"
check "the program is gone" test ! -e /opt/1C
check "the service is gone" test ! -e /etc/init.d/licenceserver
check "the rule of udev is gone" test ! -e /usr/lib/udev/rules.d/60-licenceserver.rules
check "no process is left" not pgrep licenceserver
check "the key stayed" holds $data/672B.1.licence "key of ours"
check "the settings stayed" holds $conf "our own words"

packages "$new" licenceserver
firewall() { # NAME WORDS: a firewall that is on, as its program says
    printf '#!/bin/sh\necho "%s"\n' "$2" >"/usr/sbin/$1"
    chmod 755 "/usr/sbin/$1"
}
install_and_keep() { install "${files[@]}" >/tmp/said 2>&1 || { cat /tmp/said && return 1; }; }
firewall ufw "Status: active"
check "installing again finds the old settings" install_and_keep
check "where a firewall is on, it says how to let others in" holds /tmp/said "To let other computers in: ufw allow 9099/tcp"
remove licenceserver >/tmp/check 2>&1 || fail "removing once more"
firewall firewall-cmd running
check "installing with the other firewall" install_and_keep
check "it says so for that one, in Russian too" grep -q 'включён брандмауэр.*: firewall-cmd --permanent --add-service=licenceserver && firewall-cmd --reload$' /tmp/said
rm /usr/sbin/ufw /usr/sbin/firewall-cmd
check "it answers again" answers /systeminfo
check "the settings are the old ones" holds $conf "our own words"
remove licenceserver >/tmp/check 2>&1 || fail "removing again"

if [[ $format == deb ]]; then
    check "purging asks for nothing" dpkg -P "${all[@]}" </dev/null
    check "our key is purged" test ! -e $data/672B.1.licence
    check "settings are purged" test ! -e $conf
    check "the user is gone" not id licenceserver
    check "another maker's key stayed" holds $data/672B.2.licence "key of another maker"
    left() { find /var/1C -type f | LC_ALL=C sort; }
    check "nothing else of ours is left" diff <(left) <(printf '%s\n' $data/672B.2.licence $data/pending/notes.txt)
    check "nor outside" not test -e /var/run/licenceserver.pid
    check "what is left belongs to somebody" bash -c '[[ -z $(find /var/1C -nouser -o -nogroup) ]]'
    rm -r /var/1C

    # Another maker's settings that came after ours were removed.
    packages "$new" licenceserver
    install "${files[@]}" >/tmp/check 2>&1 && dpkg -r licenceserver >/tmp/check 2>&1 || fail "installing and removing once more"
    rm $conf
    printf '[Common]\nServerPort=9099\n' | tee $conf >/tmp/theirs
    printf '[672B]\nName=Theirs\n' >/var/1C/licence/3.0/licence.series
    check "purging once more" dpkg -P licenceserver </dev/null
    check "another maker's settings stayed" cmp $conf /tmp/theirs
    check "and series" holds /var/1C/licence/3.0/licence.series "Name=Theirs"
fi

# Settings that no server of ours made. A purged computer knows nothing of us.
rm -rf /var/1C
mkdir -p /var/1C/licence/3.0
packages "$new" licenceserver
foreign_file() { # FILE TEXT
    printf '%s\n' "$2" >"/var/1C/licence/3.0/$1"
    cp "/var/1C/licence/3.0/$1" /tmp/before
    check "a $1 that is not ours stops the installation" refused
    check "the refusal names it" holds /tmp/refusal "/var/1C/licence/3.0/$1 is here, and no server of ours made it"
    check "in Russian too" holds /tmp/refusal "найден файл /var/1C/licence/3.0/$1"
    [[ $format == rpm ]] || dpkg --purge licenceserver >/dev/null 2>&1 || true
    check "not a byte of it changed" cmp "/var/1C/licence/3.0/$1" /tmp/before
    check "nor its owner" owner "/var/1C/licence/3.0/$1" root:644
    check "the program is not there" not test -e /opt/1C/licence/3.0/licenceserver
    rm "/var/1C/licence/3.0/$1"
}
foreign_file licenceserver.conf $'[Console]\n; Режим авторизации консоли\nAuthorization=0\nUserName=admin\nPassword=admin'
foreign_file licence.series $'[672B]\nName=Тест\nKey=00112233'
printf '; open-licence\n[Common]\nServerPort=9099\nLang=ru\n' >$conf
check "settings that were prepared for this server are taken" install_them
check "and used" holds $conf "Lang=ru"
check "and nobody else reads them" owner $conf licenceserver:600
remove licenceserver >/tmp/check 2>&1 || fail "removing what the prepared settings were for"
[[ $format == rpm ]] || dpkg --purge licenceserver >/dev/null 2>&1
rm -rf /var/1C

# Another maker's package of the same name, and its files. Not a byte of it may change.
if [[ $format == deb ]]; then
    mkdir -p /tmp/foreign/DEBIAN /tmp/foreign/opt/1C/licence/3.0
    printf 'Package: licenceserver\nVersion: 3.0.0.1\nArchitecture: all\nMaintainer: Other <other@example.invalid>\nDescription: dummy\n' \
        >/tmp/foreign/DEBIAN/control
    # Scripts as a service's package has them: it stops its service before it goes, and starts it after it came or stayed.
    for name in preinst postinst prerm postrm; do
        printf '#!/bin/sh\necho "%s $1" >>/tmp/foreign.calls\n' $name >/tmp/foreign/DEBIAN/$name
        chmod 755 /tmp/foreign/DEBIAN/$name
    done
    echo foreign >/tmp/foreign/opt/1C/licence/3.0/licenceserver
    dpkg-deb --build --root-owner-group /tmp/foreign /tmp/foreign.deb >/dev/null
    check "another maker's package is there" dpkg -i /tmp/foreign.deb
else
    printf '%s\n' 'Name: licenceserver' 'Version: 3.0.0.1' 'Release: 1' 'Summary: dummy' 'License: other' 'Vendor: Other' \
        'BuildArch: noarch' '%description' 'dummy' '%install' 'mkdir -p %{buildroot}/opt/1C/licence/3.0' \
        'echo foreign >%{buildroot}/opt/1C/licence/3.0/licenceserver' '%files' '/opt/1C/licence/3.0/licenceserver' >/tmp/foreign.spec
    rpmbuild --quiet -bb --define '_topdir /tmp/rpm' /tmp/foreign.spec >/dev/null 2>&1
    check "another maker's package is there" rpm -i --nodeps /tmp/rpm/RPMS/noarch/*.rpm
fi
install "${files[@]}" >/tmp/refusal 2>&1 && fail "our package replaced another maker's"
[[ $format != deb ]] || check "dpkg has asked its own scripts, and set it up again" diff /tmp/foreign.calls - <<'END'
preinst install
postinst configure
prerm upgrade
postinst abort-upgrade
END
check "the refusal names it in English" holds /tmp/refusal "another maker's package licenceserver is installed"
check "and in Russian" holds /tmp/refusal "установлен пакет licenceserver другого производителя"
check "its file is untouched" holds /opt/1C/licence/3.0/licenceserver foreign
# shellcheck disable=SC2016  # for the inner shell
case $format in
deb) check "it is still installed" bash -c '[[ $(dpkg-query -W -f "\${Version} \${db:Status-Status}" licenceserver) == "3.0.0.1 installed" ]]' ;;
rpm) check "it is still installed" bash -c '[[ $(rpm -q licenceserver) == licenceserver-3.0.0.1-1.noarch ]]' ;;
esac
remove licenceserver >/tmp/check 2>&1 || fail "removing the dummy"
[[ $format != deb ]] || dpkg -P licenceserver >/dev/null
mkdir -p /opt/1C/licence/3.0
echo foreign >/opt/1C/licence/3.0/licenceserver
install "${files[@]}" >/tmp/refusal 2>&1 && fail "our package overwrote a file of nobody's package"
check "a file of no package stops it too" holds /tmp/refusal "/opt/1C/licence/3.0/licenceserver is here and belongs to no package of ours"
check "that file is untouched" holds /opt/1C/licence/3.0/licenceserver foreign

# Another maker's component, under any name that begins like ours.
rm -rf /opt/1C
mkdir -p /opt/1C/licence/3.0
echo foreign >/opt/1C/licence/3.0/licenceaddin.so
packages "$new" licenceaddin
install "${files[@]}" >/tmp/refusal 2>&1 && fail "our component settled beside another maker's"
check "another maker's component stops ours" holds /tmp/refusal "/opt/1C/licence/3.0/licenceaddin.so is here"
check "it is untouched" holds /opt/1C/licence/3.0/licenceaddin.so foreign
printf 'checks passed in this tree: %s\n' "$passed"
