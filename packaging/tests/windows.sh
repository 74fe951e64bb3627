# shellcheck shell=bash
# Runs under Wine (in_wine of tools/wine.sh): installs, asks, upgrades, removes.
#
# windows.sh PACKAGES OLD NEW TOOLS LOCALES   PACKAGES/OLD and PACKAGES/NEW hold two versions of both installers, TOOLS what
# waiting.c, press.c, refuse.c and volatile.c compile to, LOCALES the locale ru_RU.UTF-8
set -euo pipefail
packages=$1 old=$2 new=$3 tools=$4 locales=$5
passed=0
work=$(mktemp -d -t licence-windows.XXXXXX)
trap 'rm -rf "$work"' EXIT

wide="$DRIVE/Program Files/1C/Licence/3.0" narrow="$DRIVE/Program Files (x86)/1C/Licence/3.0"
conf=$DRIVE/ProgramData/1C/licence/3.0 data=$DRIVE/ProgramData/1C/licence/Data
quiet=(/VERYSILENT /SuppressMsgBoxes)

# The installer's own account of what it did.
setup_log() {
    find "$DRIVE/users" -name "$1-setup.log" -exec iconv -f UTF-16 -t UTF-8 {} + | tr -d '\r'
}
fail() {
    printf 'FAILED: %s\n' "$*"
    for package in licenceserver licenceaddin; do setup_log $package; done
    for file in "$conf"/logs/*; do [[ ! -e $file ]] || tail -n 20 "$file"; done
    exit 1
}
# check TEXT COMMAND…: the command must succeed.
check() {
    local text=$1
    shift
    "$@" >"$work/check" 2>&1 || { cat "$work/check" && fail "$text"; }
    passed=$((passed + 1))
    printf 'ok: %s\n' "$text"
}
not() { ! "$@"; }
# wait_until COMMAND…: for as long as a busy computer may need.
wait_until() {
    local end=$((SECONDS + 120))
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}
# ends CODE PACKAGE VERSION [SWITCH…]: the installer ends with this code, and its log says so too.
ends() {
    local code=$1 package=$2 version=$3 result=0
    shift 3
    timeout 300 "$WINE" "$packages/$version/$package-$version.win.exe" "$@" || result=$?
    [[ $result == "$code" ]] || { printf 'exit code %s instead of %s\n' "$result" "$code" && return 1; }
    setup_log "$package" | grep -qx "exit code $code"
}
# The uninstaller goes on from a copy of itself, because it removes itself too.
uninstalls() { # PACKAGE FILE
    timeout 300 "$WINE" "$wide/uninstall-$1.exe" "${quiet[@]}" || return 1
    wait_until test ! -e "$2" && wait_until test ! -e "$wide/uninstall-$1.exe"
}
registry() { timeout 60 "$WINE" "$DRIVE/windows/system32/reg.exe" "$@" | tr -d '\r'; }
uninstall_key='HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall'
registered() { # PACKAGE VERSION
    registry query "$uninstall_key\\open-licence.$1" /v DisplayVersion >"$work/registry" && grep -qF "$2" "$work/registry"
}
said() { setup_log "$1" | grep -qF "$2"; }
program() { # NAME: starts the waiting program under that name
    cp "$tools/waiting.exe" "$work/$1"
    "$WINE" "$work/$1" >"$work/$1.out" &
    started=$!
    wait_until grep -qs ready "$work/$1.out"
}
ended() { ! kill -0 "$1" 2>/dev/null; }

# Wine ends services with the last program that is none. What its manager of services is told and does not keep it says there.
WINEDEBUG=-all,fixme+service "$WINE" "$tools/waiting.exe" >"$work/wine" 2>"$work/manager" &
wait_until grep -qs ready "$work/wine"

windows_is() { timeout 60 "$WINE" "$DRIVE/windows/system32/winecfg.exe" /v "$1"; }
check "Wine is Windows 7" windows_is win7
check "Windows 7 is refused" ends 1 licenceaddin "$new" "${quiet[@]}"
check "it says why" said licenceaddin "Windows 10"
check "Wine is Windows 10" windows_is win10

printf '== the component\n'
check "version $old installs silently, whatever the case and order of switches" ends 0 licenceaddin "$old" /suppressmsgboxes /VerySilent
check "64-bit processes have theirs" test -s "$wide/licenceaddin-x86_64.dll"
check "32-bit processes have theirs in the folder for their kind" test -s "$narrow/licenceaddin-i386.dll"
check "a sample of the settings is there" test -s "$conf/licenceaddin.conf.sample"
check "the list of programs has version $old" registered licenceaddin "$old"
check "the same version is refused" ends 100 licenceaddin "$old" "${quiet[@]}"
check "version $new takes its place" ends 0 licenceaddin "$new" "${quiet[@]}"
check "the list of programs has version $new" registered licenceaddin "$new"
check "an older version is refused" ends 100 licenceaddin "$old" "${quiet[@]}"
check "a switch that does not exist is refused" ends 1 licenceaddin "$new" "${quiet[@]}" /Quiet
check "removing" uninstalls licenceaddin "$wide/licenceaddin-x86_64.dll"
check "the other library is gone" test ! -e "$narrow"
check "the list of programs has it no more" not registered licenceaddin "$new"
check "the folder for programs is as it was" test ! -e "$DRIVE/Program Files/1C"

printf '== what cannot be written\n'
mkdir -p "$wide/licenceaddin-x86_64.dll.new"
check "a file that cannot be written: 3" ends 3 licenceaddin "$new" "${quiet[@]}"
rmdir "$wide/licenceaddin-x86_64.dll.new"
check "nothing was installed" test ! -e "$wide/licenceaddin-x86_64.dll" -a ! -e "$narrow/licenceaddin-i386.dll"
check "nothing claims to be" not registry query "$uninstall_key\\open-licence.licenceaddin"
check "a registry that takes nothing" "$WINE" "$tools/volatile.exe" "${uninstall_key#*\\}"
check "is 6" ends 6 licenceaddin "$new" "${quiet[@]}"
check "nothing was installed" test ! -e "$wide/licenceaddin-x86_64.dll"
registry delete "$uninstall_key" /f >"$work/registry"
registry add "$uninstall_key" /f >"$work/registry"

printf '== the component, while a program that is none of 1C\047s holds it\n'
cp "$tools/waiting.exe" "$work/other.exe"
holds() { # starts a program that has loaded the library
    : >"$work/other.out"
    "$WINE" "$work/other.exe" 'C:\Program Files\1C\Licence\3.0\licenceaddin-x86_64.dll' >"$work/other.out" &
    started=$!
    wait_until grep -qs ready "$work/other.out"
}
check "version $old installs" ends 0 licenceaddin "$old" "${quiet[@]}"
cp "$wide/licenceaddin-x86_64.dll" "$work/before"
check "a program holds the library" holds
check "version $new says that Windows has to be restarted" ends 8 licenceaddin "$new" "${quiet[@]}"
check "the old library is still there" cmp "$wide/licenceaddin-x86_64.dll" "$work/before"
check "the new one waits beside it" test -s "$wide/licenceaddin-x86_64.dll.new"
kill "$started"
check "the program ends" wait_until ended "$started"
check "Windows restarts" timeout 120 "$WINE" "$DRIVE/windows/system32/wineboot.exe"
check "the new library has its place" test ! -e "$wide/licenceaddin-x86_64.dll.new"
check "removing" uninstalls licenceaddin "$wide/licenceaddin-x86_64.dll"
"$WINE" "$tools/waiting.exe" >"$work/wine3" &
check "version $old installs once more" ends 0 licenceaddin "$old" "${quiet[@]}"
check "a program holds the library" holds
check "version $new waits for a restart" ends 8 licenceaddin "$new" "${quiet[@]}"
kill "$started"
check "the program ends" wait_until ended "$started"
check "removing before the restart" uninstalls licenceaddin "$wide/licenceaddin-x86_64.dll"
check "Windows restarts" timeout 120 "$WINE" "$DRIVE/windows/system32/wineboot.exe"
check "the library did not come back" test ! -e "$wide"

printf '== the component, while 1C runs\n'
program 1cv8c.exe
check "a running client stops the installation" ends 7 licenceaddin "$old" "${quiet[@]}"
check "it says which" said licenceaddin 1cv8c.exe
check "nothing was installed" test ! -e "$wide"
check "the client still runs" kill -0 "$started"
client=$started
program ibsrv.exe
check "a stand-alone server of 1C too" ends 7 licenceaddin "$old" "${quiet[@]}"
check "it says which" said licenceaddin ibsrv.exe
kill "$started"
check "it ends" wait_until ended "$started"
started=$client
check "with /CloseRunning it is ended" ends 0 licenceaddin "$old" /closerunning "${quiet[@]}"
check "the client has ended" wait_until ended "$started"
check "the component is there" test -s "$wide/licenceaddin-x86_64.dll"
check "removing" uninstalls licenceaddin "$wide/licenceaddin-x86_64.dll"

printf '== the component, while a 1C server runs\n'
agent='1C:Enterprise 8.3 Server Agent'
sc() { timeout 60 "$WINE" "$DRIVE/windows/system32/sc.exe" "$@" | tr -d '\r'; }
agent_process() { pgrep -f '^C:.*ragent[.]exe'; }
agent_runs() { agent_process && sc query "$agent" >"$work/registry" && grep -q RUNNING "$work/registry"; }
other_agent() { [[ $(agent_process) != "$1" ]]; }
mkdir -p "$DRIVE/1cv8"
cp "$tools/waiting.exe" "$DRIVE/1cv8/ragent.exe"
check "a 1C server becomes a service" sc create "$agent" binPath= 'C:\1cv8\ragent.exe -srvc' start= demand
# A service that takes long to come up, as on a busy computer, is given up.
agent_starts() { agent_runs || { sc start "$agent" && agent_runs; }; }
check "the service of a 1C server runs" wait_until agent_starts
process=$(agent_process)
check "it stops the installation" ends 7 licenceaddin "$old" "${quiet[@]}"
check "it still runs" agent_runs
check "with /CloseRunning it is restarted" ends 0 licenceaddin "$old" "${quiet[@]}" /CLOSERUNNING
check "it runs again" wait_until agent_runs
check "as another process" other_agent "$process"
check "it stops" timeout 60 "$WINE" "$DRIVE/windows/system32/net.exe" stop "$agent"
check "removing" uninstalls licenceaddin "$wide/licenceaddin-x86_64.dll"

printf '== the component, beside another maker\047s\n'
mkdir -p "$wide"
printf 'of another maker' >"$wide/licenceaddin-x86_64.dll"
check "another maker's file stops the installation" ends 1 licenceaddin "$new" "${quiet[@]}"
check "it says why" said licenceaddin "Another maker"
check "the file is as it was" grep -qx "of another maker" "$wide/licenceaddin-x86_64.dll"
check "nothing came beside it" test "$(ls "$wide")" = licenceaddin-x86_64.dll -a ! -e "$narrow"
rm -r "$DRIVE/Program Files/1C"
mkdir -p "$DRIVE/Program Files (x86)/1C/Licence/v3.0"
printf 'of another maker' >"$DRIVE/Program Files (x86)/1C/Licence/v3.0/licenceaddin.dll"
check "one in the folder of the genuine server does too" ends 1 licenceaddin "$new" "${quiet[@]}"
rm -r "$DRIVE/Program Files (x86)/1C"
registry add "$uninstall_key\\{1111}_is1" /v DisplayName /d "SLK LicenceAddIn 3.0" /f >"$work/registry"
registry add "$uninstall_key\\{1111}_is1" /v Publisher /d "Somebody" /f >"$work/registry"
check "another maker's entry among the programs does too" ends 1 licenceaddin "$new" "${quiet[@]}"
check "nothing was installed" test ! -e "$wide"
registry delete "$uninstall_key\\{1111}_is1" /f >"$work/registry"

printf '== with windows\n'
pressed() { # BUTTON CODE: the wizard of the component, with this button pressed on each page
    "$WINE" "$tools/press.exe" "Licence component" "$1" &
    local pressing=$!
    ends "$2" licenceaddin "$new" && wait $pressing
}
check "Cancel in the wizard ends it" pressed 2 2
check "nothing was installed" test ! -e "$wide"
check "Next in the wizard installs" pressed 1 0
check "the component is there" test -s "$wide/licenceaddin-x86_64.dll"
check "removing" uninstalls licenceaddin "$wide/licenceaddin-x86_64.dll"
check "/Silent asks nothing and installs" ends 0 licenceaddin "$new" /silent /suppressmsgboxes
check "the component is there" test -s "$wide/licenceaddin-x86_64.dll"
# Wine takes rights and keeps none: what can be seen is that Windows was asked for them, and agreed.
asked() { # PACKAGE COMMAND: the installer ran it, and it ended well
    setup_log "$1" | grep -F -A 1 -- "$2" | grep -q '^0 '
}
settings='"C:\ProgramData\1C\licence\3.0"'
check "the folder of settings is taken from whoever made it" asked licenceaddin "icacls.exe\" $settings /setowner *S-1-5-32-544"
check "users may read there" asked licenceaddin "icacls.exe\" $settings /inheritance:r /grant *S-1-5-18:(OI)(CI)F /grant *S-1-5-32-544:(OI)(CI)F  /grant *S-1-5-32-545:(OI)(CI)RX"

printf '== the server\n'
answers() { curl -sf -o "$work/answer" http://127.0.0.1:9099/systeminfo && grep -q "Version: " "$work/answer"; }
service_key='HKLM\SYSTEM\CurrentControlSet\Services\licenceserver'
service() { registry query $service_key /v "$1" >"$work/registry" && grep -qF "$2" "$work/registry"; }
server() { pgrep -f 'licenceserver[.]exe.*service.*run'; }
other_process() { [[ $(server) != "$1" ]]; }
link() { grep -qF "URL=http://localhost:9099" "$DRIVE/ProgramData/Microsoft/Windows/Start Menu/Programs/Licences for 1C/3.0/Server console.url"; }
check "version $old installs silently" ends 0 licenceserver "$old" "${quiet[@]}"
check "the service answers" wait_until answers
check "it starts with Windows" service Start 0x2
check "Windows is told to start it again after a fall" grep -q 'FAILURE_ACTIONS.*86400' "$work/manager"
rule='add rule name="licenceserver 3.0" dir=in action=allow protocol=TCP profile=domain,private program="C:\Program Files\1C\Licence\3.0\licenceserver.exe"'
check "the firewall is told to let it through" asked licenceserver "netsh.exe\" advfirewall firewall $rule"
check "it works under an account of few rights" service ObjectName LocalService
check "the Start menu leads to the console" link
check "a sample of the settings is there" test -s "$conf/licenceserver.conf.sample"
check "the same version is refused" ends 100 licenceserver "$old" "${quiet[@]}"
process=$(server)
printf 'L3LC key of ours' >"$data/672B.1.licence"
printf '; our own words\r\n' >>"$conf/licenceserver.conf"
check "version $new takes its place" ends 0 licenceserver "$new" "${quiet[@]}" /CloseRunning
check "another process" other_process "$process"
check "it answers after the upgrade" wait_until answers
check "the settings were kept" grep -q "our own words" "$conf/licenceserver.conf"
check "users may not read them" asked licenceserver "licenceserver.conf\" /inheritance:r /grant *S-1-5-19:M /grant *S-1-5-18:F /grant *S-1-5-32-544:F"
check "an older version is refused" ends 100 licenceserver "$old" "${quiet[@]}"
check "it still answers" answers
check "removing" uninstalls licenceserver "$wide/licenceserver.exe"
check "no process is left" not server
check "the service is gone" not service Start 0x2
check "the key stayed" grep -q "key of ours" "$data/672B.1.licence"
check "the settings stayed" grep -q "our own words" "$conf/licenceserver.conf"
check "the component stayed" test -s "$wide/licenceaddin-x86_64.dll"
check "the link is gone" not link

printf '== the server, when something fails\n'
# What Windows would refuse is refused by a program in its place, for both kinds of processes.
icacls_refuses() {
    local folder
    for folder in system32 syswow64; do
        mv "$DRIVE/windows/$folder/icacls.exe" "$work/icacls-$folder.exe"
        cp "$tools/refuse.exe" "$DRIVE/windows/$folder/icacls.exe"
    done
}
icacls_works() {
    local folder
    for folder in system32 syswow64; do mv "$work/icacls-$folder.exe" "$DRIVE/windows/$folder/icacls.exe"; done
}
icacls_refuses
check "rights that cannot be given: 5" ends 5 licenceserver "$old" "${quiet[@]}"
check "nothing was installed" test ! -e "$wide/licenceserver.exe"
icacls_works
check "then it installs" ends 0 licenceserver "$old" "${quiet[@]}"
check "the service answers" wait_until answers
process=$(server)
icacls_refuses
check "at an upgrade: 5" ends 5 licenceserver "$new" "${quiet[@]}"
icacls_works
check "the old version works on" answers
check "as the same process" test "$(server)" = "$process"
check "the list of programs has it still" registered licenceserver "$old"
mkdir "$wide/licenceserver.exe.new"
check "a file that cannot be written: 3" ends 3 licenceserver "$new" "${quiet[@]}"
rmdir "$wide/licenceserver.exe.new"
check "the old version works on" answers
timeout 60 "$WINE" "$wide/licenceserver.exe" service stop >"$work/check" 2>&1 || fail "stopping"
"$WINE" "$tools/waiting.exe" >"$work/wine2" &
python3 -m http.server 9099 --bind 127.0.0.1 >"$work/busy" 2>&1 &
busy=$!
check "another program takes the port" wait_until curl -sf -o /dev/null http://127.0.0.1:9099/
check "a service that does not start: 4" ends 4 licenceserver "$new" "${quiet[@]}"
check "its log does not send to the administrator who runs it" not said licenceserver "run it as an administrator"
check "the firewall lets it through when it starts later" asked licenceserver "netsh.exe\" advfirewall firewall $rule"
check "the Start menu has it" link
kill $busy && wait $busy || true
check "the new version is there and can be removed" registered licenceserver "$new"
rm "$wide/licenceserver.exe"
check "removing, without the program" uninstalls licenceserver "$wide/licenceserver.exe"
check "the service is gone" not service Start 0x2
check "the list of programs has it no more" not registered licenceserver "$new"

printf '== in Russian, with a driver beside it\n'
mkdir -p "$work/beside/$new"
cp "$packages/$new/licenceserver-$new.win.exe" "$work/beside/$new/"
cp "$tools/refuse.exe" "$work/beside/$new/upkey-1.2.exe"
driver=$work/beside/$new/upkey-1.2.exe.was-started
in_russian() { LOCPATH=$locales LC_ALL=ru_RU.UTF-8 packages=$work/beside "$@"; }
russian_link="$DRIVE/ProgramData/Microsoft/Windows/Start Menu/Programs/СЛК/3.0/Консоль сервера.url"
check "a switch that does not exist is refused" in_russian ends 1 licenceserver "$new" "${quiet[@]}" /Тихо
check "in Russian" said licenceserver "Такого параметра нет. Есть /Silent"
check "it installs silently" in_russian ends 0 licenceserver "$new" "${quiet[@]}"
check "the driver was not started: nobody could be asked" test ! -e "$driver"
check "the log says so" said licenceserver "upkey-1.2.exe lies beside this installer and was not started"
check "the Start menu is Russian" grep -qF "URL=http://localhost:9099" "$russian_link"
check "removing, in English" uninstalls licenceserver "$wide/licenceserver.exe"
check "the link is gone" test ! -e "$russian_link"
# Next and Finish are 1; the offer's Yes is 6, its No 7.
offered() { # BUTTON
    "$WINE" "$tools/press.exe" "Licence server" 1 "$1" &
    local pressing=$!
    packages=$work/beside ends 0 licenceserver "$new" && wait $pressing
}
check "the wizard offers the driver: No" offered 7
check "it was not started" test ! -e "$driver"
check "removing" uninstalls licenceserver "$wide/licenceserver.exe"
check "the wizard offers the driver: Yes" offered 6
check "it was started" test -e "$driver"
check "removing" uninstalls licenceserver "$wide/licenceserver.exe"
printf '== the server, beside another maker\047s\n'
mkdir -p "$DRIVE/Program Files (x86)/1C/Licence/v3.0"
printf 'of another maker' >"$DRIVE/Program Files (x86)/1C/Licence/v3.0/licenceserver.exe"
check "a genuine one in its own folder stops the installation" ends 1 licenceserver "$new" "${quiet[@]}"
check "it says where" said licenceserver '1C\Licence\v3.0\licenceserver.exe'
rm -r "$DRIVE/Program Files (x86)/1C"
registry add "${service_key%licenceserver}SLK3" /v ImagePath /d 'D:\slk\LicenceServer.exe -srv' /f >"$work/registry"
check "a service under another name does too" ends 1 licenceserver "$new" "${quiet[@]}"
check "it says which" said licenceserver 'SLK3: D:\slk\LicenceServer.exe'
registry delete "${service_key%licenceserver}SLK3" /f >"$work/registry"
registry add $service_key /v ImagePath /d 'C:\other\licenceserver.exe' /f >"$work/registry"
check "another maker's service stops the installation" ends 1 licenceserver "$new" "${quiet[@]}"
check "it says which" said licenceserver 'C:\other\licenceserver.exe'
check "the service is as it was" service ImagePath 'C:\other\licenceserver.exe'
check "nothing was installed" test ! -e "$wide/licenceserver.exe"
registry delete $service_key /f >"$work/registry"
rm "$data/server.key"
printf '[Common]\r\nServerPort=9099\r\n' | tee "$conf/licenceserver.conf" >"$work/conf"
check "another maker's settings stop the installation" ends 1 licenceserver "$new" "${quiet[@]}"
check "they are as they were" cmp "$conf/licenceserver.conf" "$work/conf"
check "nothing was installed" test ! -e "$wide/licenceserver.exe"
sed -i '1i ; open-licence\r' "$conf/licenceserver.conf"
: >"$conf/licence.series"
check "settings that say that they are for it are taken" ends 0 licenceserver "$new" "${quiet[@]}"
check "the service answers" wait_until answers

printf '%s checks passed\n' $passed
