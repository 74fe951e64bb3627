# shellcheck shell=bash
# Clean systems to install packages into: trees made once by debootstrap and kept in the cache, and throw-away copies of them
# that nothing outlives. Sourced after lib.sh; needs root.

# tree SUITE [PACKAGE,… [ARCHITECTURE]]: makes the tree of this Debian suite, with more packages, when it is missing, and prints
# its folder. Another architecture must be one whose programs this computer runs.
tree() {
    local suite=$1 more=${2-} arch=${3-} folder=$CACHE/trees/$1${2:+-${2//,/-}}${3:+-$3}
    if [[ ! -e $folder/ready ]]; then
        need_packages debootstrap >&2
        say "making a tree of Debian $suite $arch" >&2
        rm -rf "$folder"
        mkdir -p "$folder"
        # procps and init-system-helpers are what `service` needs; rpm makes the same tree one for rpm packages.
        debootstrap ${arch:+--arch="$arch"} --variant=minbase --include="procps,init-system-helpers,rpm,bash-completion${more:+,$more}" "$suite" "$folder/root" >&2
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

# in_booted_tree FOLDER SCRIPT [ARGUMENT…]: the same in a tree of which systemd is the first process, so that units are real.
in_booted_tree() {
    local root=$1 script=$2 copy init first result=0
    shift 2
    copy=$(mktemp -d -t licence-tree.XXXXXX)
    # Processes are told apart by a control group of their own, which the namespace makes the root of what systemd sees.
    local group=$copy/group above
    above=$(cut -d: -f3 /proc/self/cgroup | tail -n 1)
    mkdir "$group"
    mount -t cgroup2 none "$group"
    group=$group/${above#/}
    mkdir "$group/licence-tree-$$"
    # shellcheck disable=SC2016
    bash -euc 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' enter "$group/licence-tree-$$" \
        unshare --mount --net --pid --ipc --uts --cgroup --fork --kill-child bash -euc '
        root=$1 copy=$2 script=$3 packages=$4
        mount -t tmpfs -o size=2g tree "$copy"
        mkdir "$copy/upper" "$copy/work" "$copy/root"
        mount -t overlay -o "lowerdir=$root,upperdir=$copy/upper,workdir=$copy/work" tree "$copy/root"
        mkdir "$copy/root/packages" "$copy/root/test"
        cp "$script" "$copy/root/test/run"
        mount --bind "$packages" "$copy/root/packages"
        cd "$copy/root"
        mount -t proc proc proc
        mount -t sysfs -o ro sysfs sys
        mount -t cgroup2 cgroup2 sys/fs/cgroup
        mount -t tmpfs -o mode=755 dev dev
        for device in null zero full random urandom tty; do touch dev/$device && mount --bind /dev/$device dev/$device; done
        mkdir dev/pts dev/shm
        mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
        ln -s pts/ptmx dev/ptmx
        mount -t tmpfs -o mode=755 run run
        ip link set lo up
        mkdir -p .old
        pivot_root . .old
        umount -l /.old
        exec /usr/bin/env -i container=other /lib/systemd/systemd
    ' in_booted_tree "$root" "$copy" "$script" "$PACKAGES" >"$copy.log" 2>&1 &
    init=$!
    for ((tries = 0; tries < 300; tries++)); do
        first=$(pgrep --parent "$init" systemd) && break
        sleep 0.1
    done
    if [[ -n $first ]]; then
        # shellcheck disable=SC2016
        nsenter --target "$first" --all /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 bash -euc '
            cd /
            for ((tries = 0; tries < 300; tries++)); do
                case $(systemctl is-system-running 2>/dev/null) in running | degraded) break ;; esac
                sleep 0.1
            done
            exec bash -eu /test/run "$@"' run "$@" || result=$?
    else
        cat "$copy.log"
        result=1
    fi
    # Its first process takes all others along; one that did not get so far goes with what began it.
    kill -KILL "${first:-$init}" 2>/dev/null || true
    wait "$init" || true
    for ((tries = 0; tries < 100; tries++)); do
        find "$group/licence-tree-$$" -depth -type d -exec rmdir {} + 2>/dev/null && break
        sleep 0.1
    done
    umount "$copy/group"
    rm -r "$copy" "$copy.log"
    return $result
}
