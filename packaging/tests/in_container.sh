#!/usr/bin/env bash
# Runs inside the container's file system as the image's user: starts the server as the image does, and does one thing.
#
# in_container.sh request | install | workable true|false
set -euo pipefail
server=/opt/1C/licence/3.0/licenceserver data=/var/1C/licence/data

fail() { echo "FAILED: $*" && cat /tmp/said && exit 1; }
answer() { # PATH
    exec 3<>/dev/tcp/127.0.0.1/9099
    printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\nConnection: close\r\n\r\n' "$1" >&3
    cat <&3
    exec 3>&-
}

[[ $(id -u):$(id -g) == 9099:9099 ]] || fail "it runs as $(id)"
(: >/opt/writable) 2>/dev/null && fail "the root file system can be written"
! $server ready >/tmp/said 2>&1 || fail "ready before it was started"
$server run >/tmp/said 2>&1 &
process=$!
for ((tries = 0; tries < 300; tries++)); do
    if $server ready >/dev/null 2>&1; then break; fi
    [[ -d /proc/$process ]] || fail "the server ended"
    sleep 0.1
done
$server ready >/dev/null || fail "it does not become ready"
answer /systeminfo | grep -q '^Version: ' || fail "no /systeminfo"
case $1 in
request) $server request $data/test.request ;;
install)
    $server install $data/test.licence
    # The server looks at its folder every second.
    for ((tries = 0; tries < 100; tries++)); do
        if answer /api/licences | grep -q '"Workable":true'; then break; fi
        sleep 0.1
    done
    ;;&
workable | install)
    answer /api/licences >/tmp/licences
    grep -q "\"Workable\":${2:-true}" /tmp/licences || { cat /tmp/licences && fail "Workable is not ${2:-true}"; }
    ;;
esac
kill $process
wait $process || fail "it did not end well"
