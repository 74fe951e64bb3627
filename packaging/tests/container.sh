# shellcheck shell=bash
# The image by the steps of the Dockerfile, and its file system run as a container engine would run it: read-only, as the image's
# user, with processes and a network of its own, the two volumes, and nothing of this computer's identity.
# Sourced by the stage packages after lib.sh and trees.sh; needs root.

# container_image TREE DEB FOLDER: builds the image on that tree as its base; FOLDER/root is its file system.
container_image() {
    local base=$1 package=$2 folder=$3 container buildah
    buildah=(buildah --root "$folder/storage" --runroot "$folder/run" --storage-driver vfs)
    mkdir -p "$folder/context/dist"
    cp "$package" "$folder/context/dist/"
    container=$("${buildah[@]}" from scratch)
    "${buildah[@]}" add --quiet "$container" "$base" / >/dev/null
    "${buildah[@]}" commit --quiet --rm "$container" localhost/base >/dev/null
    # Chroot: the steps run without an engine. Health checks are of Docker's format.
    "${buildah[@]}" build --quiet --isolation chroot --format docker --build-arg BASE=localhost/base --pull-never \
        --file packaging/container/Dockerfile --tag localhost/licenceserver "$folder/context" >/dev/null
    "${buildah[@]}" inspect --type image localhost/licenceserver >"$folder/image.json"
    python3 - "$folder/image.json" <<'END'
import json, sys
config = json.load(open(sys.argv[1]))["Docker"]["config"]
server = "/opt/1C/licence/3.0/licenceserver"
assert config["User"] == "9099:9099", config
assert config["Entrypoint"] == [server] and config["Cmd"] == ["run"], config
assert config["Healthcheck"]["Test"] == ["CMD", server, "ready"], config
assert set(config["Volumes"]) == {"/var/1C/licence/3.0", "/var/1C/licence/data"}, config
END
    container=$("${buildah[@]}" from --pull-never localhost/licenceserver)
    ln -sfn "$("${buildah[@]}" mount "$container")" "$folder/root"
    # A key that a server made while the image was built would be everybody's.
    [[ -z $(ls -A "$folder/root/var/1C/licence/data") ]] || die "the image has files of a server's life in it"
}

# in_container FOLDER ID ARGUMENT…: one life of a container with that machine id and the volumes FOLDER/config and FOLDER/data.
in_container() {
    # shellcheck disable=SC2016  # for the inner shell
    unshare --mount --uts --net --pid --ipc --fork --kill-child bash -euc '
        folder=$1 id=$2 root=$(readlink -f "$1/root")
        shift 2
        # The container has its name for its own life only, and sees nothing of this computer in /sys.
        hostname "container-$$-$RANDOM"
        mount --bind "$root" "$root"
        mount --bind "$folder/config" "$root/var/1C/licence/3.0"
        mount --bind "$folder/data" "$root/var/1C/licence/data"
        mount -t tmpfs tmp "$root/tmp"
        cp packaging/tests/in_container.sh "$root/tmp/"
        mount -t proc proc "$root/proc"
        ip link set lo up
        mount -o remount,bind,ro "$root"
        exec chroot "$root" /usr/bin/env -i PATH=/usr/bin:/bin HOME=/ LANG=C.UTF-8 LICENCE_MACHINE_ID="$id" \
            setpriv --reuid 9099 --regid 9099 --clear-groups --no-new-privs --bounding-set=-all bash /tmp/in_container.sh "$@"
    ' in_container "$@"
}

# container_life TREE FOLDER PACKAGES VERSION: builds the image, gives it a licence, makes it anew, and asks.
container_life() {
    local folder=$2 packages=$3 new=$4 edit=$2/vendor/usr/bin/licenceedit
    mkdir -p "$folder/config" "$folder/data"
    chown 9099:9099 "$folder/config" "$folder/data"
    container_image "$1" "$packages/licenceserver-$new.amd64.deb" "$folder"
    dpkg-deb --extract "$packages/licencecenter-$new.amd64.deb" "$folder/vendor"
    "$edit" series new 672B --name Stock --dir "$folder/vendor" >/dev/null
    in_container "$folder" first-id request
    "$edit" licence issue --request "$folder/data/test.request" --cryptkey "$folder/vendor/672B.cryptkey" --key-no 17 --type main \
        --count 5 --out "$folder/data/test.licence" >/dev/null
    cp "$folder/vendor/licence.series" "$folder/config/"
    chown -R 9099:9099 "$folder/config" "$folder/data"
    in_container "$folder" first-id install
    say "the container is made anew: the licence works"
    in_container "$folder" first-id workable true
    say "with another id it does not"
    in_container "$folder" second-id workable false
}
