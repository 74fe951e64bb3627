# shellcheck shell=bash
# Clean systems to install packages into: trees made once by debootstrap and kept in the cache, and throw-away copies of them
# that nothing outlives. Sourced after lib.sh; needs root.

# tree SUITE: makes the tree of this Debian suite when it is missing, and prints its folder.
tree() {
    local suite=$1 folder=$CACHE/trees/$1
    if [[ ! -e $folder/ready ]]; then
        need_packages debootstrap >&2
        say "making a tree of Debian $suite" >&2
        rm -rf "$folder"
        mkdir -p "$folder"
        # procps and init-system-helpers are what `service` needs; rpm makes the same tree one for rpm packages.
        debootstrap --variant=minbase --include=procps,init-system-helpers,rpm,bash-completion "$suite" "$folder/root" >&2
        rm -rf "$folder"/root/var/cache/apt/archives/*.deb
        touch "$folder/ready"
    fi
    printf '%s\n' "$folder/root"
}

# in_tree FOLDER SCRIPT [ARGUMENT…]: runs a script inside a throw-away copy of the tree, with a network of its own that has
# loopback alone, so that the standard port is free, and processes of its own, which end with it.
in_tree() {
    local root=$1 script=$2 copy
    shift 2
    copy=$(mktemp -d -t licence-tree.XXXXXX)
    # shellcheck disable=SC2016
    unshare --mount --net --pid --fork --kill-child bash -euc '
        root=$1 copy=$2 script=$3 packages=$4
        shift 4
        mount -t tmpfs -o size=2g tree "$copy"
        mkdir "$copy/upper" "$copy/work" "$copy/root"
        mount -t overlay -o "lowerdir=$root,upperdir=$copy/upper,workdir=$copy/work" tree "$copy/root"
        mount -t proc proc "$copy/root/proc"
        mount --bind /dev "$copy/root/dev"
        ip link set lo up
        mkdir "$copy/root/packages" "$copy/root/test"
        mount --bind "$packages" "$copy/root/packages"
        cp "$script" "$copy/root/test/run"
        chroot "$copy/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 bash -eu /test/run "$@"
    ' in_tree "$root" "$copy" "$script" "$PACKAGES" "$@"
    local result=$?
    rmdir "$copy"
    return $result
}
