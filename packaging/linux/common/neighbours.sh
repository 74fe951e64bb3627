# Another maker's package of the same name, or its files, must not be touched. Called before the first file is unpacked.
# A package of ours is known by its Vendor (rpm) or its field Licence-Maker (deb).
OUR_MAKER="open-licence"

foreign() {
    cat >&2 <<END

@PACKAGE@: $1
This package is from another maker, and nothing has been changed. The two cannot share a computer: they use the same
places and the same port. If you want this one, write down the activation codes of the keys of that program, remove it
with its maker's tools, then install this package again. Its keys and settings stay where they are, and are not read here.

@PACKAGE@: $2
Этот пакет от другого производителя, ничего не изменено. На одном компьютере эти программы работать не могут: у них общие
папки и порт. Чтобы поставить этот пакет, выпишите коды активации ключей той программы, удалите её средствами её
производителя и повторите установку. Её ключи и настройки останутся на месте и читаться не будут.

END
    exit 1
}

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
            foreign "$file is here and belongs to no package of ours" "найден файл $file, не принадлежащий нашему пакету"
        fi
    done
}
