# Folders that the program writes to. Known files only are ever deleted: others in these folders are not ours.
CONFIG=/var/1C/licence/3.0
DATA=/var/1C/licence/data
LOGS=$CONFIG/logs

# Files of ours begin with these two letters; another maker's lie in the same folder under similar names.
ours() { [ -f "$1" ] && [ ! -L "$1" ] && [ "$(head -c 2 "$1")" = L3 ]; }

make_logs() {
    # The component writes here from web servers, which run as their own users. A folder that is there stays as it is: the
    # server's user could have put a link into its place.
    [ -e "$LOGS" ] || [ -L "$LOGS" ] || { mkdir -p "$CONFIG" && mkdir -m 1777 "$LOGS"; }
}

# Goes up while folders are empty.
remove_empty() {
    rmdir "$LOGS" "$CONFIG/series.d" "$DATA/retired" "$DATA/pending" "$DATA" "$CONFIG" /var/1C/licence /var/1C 2>/dev/null || true
}
