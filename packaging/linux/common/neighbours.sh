# Another maker's package of the same name, or its files, must not be touched. Called before the first file is unpacked.
# A package of ours is known by its Vendor (rpm) or its field Licence-Maker (deb).
OUR_MAKER="open-licence"

foreign() {
    cat >&2 <<END

@PACKAGE@: $1
This package has changed nothing and is not installed. The program that is here and this one cannot share a computer: they
use the same places and the same port. If you want this one, write down the activation codes of the keys of that program, and
remove it with its maker's tools. Move what it leaves in $CONFIG to another folder, then install
this package again. Its keys in $DATA stay where they are, and are not read here.
See that its service still works: dpkg asks an installed package's own scripts first, and they may have stopped it.

@PACKAGE@: $2
Пакет ничего не изменил и не установлен. Найденная программа и эта на одном компьютере работать не могут: у них общие папки
и порт. Если нужна эта, выпишите коды активации ключей той программы и удалите её средствами её производителя. То, что она
оставит в $CONFIG, перенесите в другую папку и повторите установку. Её ключи в $DATA
останутся на месте и читаться не будут.
Проверьте, что её служба работает: dpkg сначала вызывает сценарии установленного пакета, и они могли её остановить.

END
    exit 1
}

# A component of ours says so in its export.
is_our_component() { [ -f "$1" ] && [ ! -L "$1" ] && grep -q LicenceAddInMarker "$1"; }

# stop_before_neighbours HOW: deb's install and upgrade, rpm's 1 and 2.
stop_before_neighbours() {
    owner="" maker=""
    if [ "@FORMAT@" = rpm ]; then
        if rpm -q @PACKAGE@ >/dev/null 2>&1; then
            owner=@PACKAGE@
            maker=$(rpm -q --qf '%{VENDOR}\n' @PACKAGE@ | head -n 1)
        fi
    elif [ "$1" = upgrade ] || dpkg-query -W -f '${db:Status-Status}\n' @PACKAGE@ 2>/dev/null | grep -q '^installed$'; then
        owner=@PACKAGE@
        maker=$(dpkg-query -W -f '${Licence-Maker}\n' @PACKAGE@ 2>/dev/null | head -n 1)
    fi
    if [ -n "$owner" ]; then
        [ "$maker" = "$OUR_MAKER" ] || foreign "another maker's package $owner is installed" \
            "на компьютере установлен пакет $owner другого производителя"
        return 0
    fi
    # Not ours by package, so what lies in our places came another way.
    for file in @GUARDED@; do
        if [ -e "$file" ] || [ -L "$file" ]; then
            is_our_component "$file" ||
                foreign "$file is here and belongs to no package of ours" "найден файл $file, не принадлежащий нашему пакету"
        fi
    done
}
