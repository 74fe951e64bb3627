# Settings that a server of ours has made, or that say that they are for it.
is_our_conf() { grep -q -e '; Settings of the licence server\.' -e '; open-licence' "$1"; }
is_our_series() { ! [ -s "$1" ] || grep -q -i -E 'PublicKey[[:space:]]*=[[:space:]]*(ed25519|p256):' "$1"; }
