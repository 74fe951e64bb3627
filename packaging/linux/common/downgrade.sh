# An older version does not take a newer one's place: what the newer program wrote the older one may not be able to read.
# Called before the first file is unpacked.

# stop_before_downgrade HOW [VERSION]: deb's upgrade with the version that is installed, rpm's 2.
stop_before_downgrade() {
    case $1 in
    upgrade) installed=${2-} ;;
    2) installed=$(rpm -q --qf '%{VERSION}\n' @PACKAGE@ 2>/dev/null | LC_ALL=C sort -V | tail -n 1) ;;
    *) return 0 ;;
    esac
    [ -n "$installed" ] && [ "$installed" != "@VERSION@" ] || return 0
    [ "$(printf '%s\n' "$installed" "@VERSION@" | LC_ALL=C sort -V | tail -n 1)" = "$installed" ] || return 0
    cat >&2 <<TEXT

@PACKAGE@: version $installed is installed, and this package is the older version @VERSION@.
This package has changed nothing and is not installed. If you do want the older version, remove the newer one first: keys
and settings stay. An older server starts only if it knows the format of the store that the newer one has left; it says so.

@PACKAGE@: установлена версия $installed, а этот пакет – более старой версии @VERSION@.
Пакет ничего не изменил и не установлен. Если нужна именно старая версия, сначала удалите новую: ключи и настройки
останутся. Старый сервер запустится, только если знает формат хранилища, оставшегося от нового; иначе он об этом скажет.

TEXT
    exit 1
}
