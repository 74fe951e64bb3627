# shellcheck shell=bash
# What ./test, ./demo and the scripts in tools/ share: talking, and installing what is missing. Sourced, not run.

# A failure inside $(…) is a failure.
shopt -s inherit_errexit

# Everything that is fetched or built besides the project itself stays here, outside the tree.
CACHE="${LICENCE_BUILD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/licence-build}"
export CACHE

say() { printf '\n== %s\n' "$*"; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Runs a command, says how long it took.
step() {
    local name=$1 start=$SECONDS
    shift
    say "$name"
    "$@"
    printf -- '-- %s: %s s\n' "$name" $((SECONDS - start))
}

# need_packages PACKAGE…: installs the missing ones of these Debian packages, saying which.
need_packages() {
    local package missing=()
    command -v dpkg-query >/dev/null || die "this is not Debian or Ubuntu; install what these packages hold: $*"
    for package in "$@"; do
        [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    if [[ $(id -u) != 0 ]]; then
        die "Debian packages are missing. Run this, then try again:
  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
    fi
    say "installing Debian packages: ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

need_cargo() {
    command -v cargo >/dev/null || die "cargo is not found: install Rust 1.89 or newer from https://rustup.rs"
}

# need_cargo_commands COMMAND…: parts of the toolchain that rustup calls components.
need_cargo_commands() {
    local command
    need_cargo
    for command in "$@"; do
        cargo "$command" --version >/dev/null 2>&1 ||
            die "cargo $command is not found; run: rustup component add ${command/#fmt/rustfmt}"
    done
}

# cargo_tool NAME VERSION: a program from crates.io, put into the cache and into PATH.
cargo_tool() {
    local root=$CACHE/tools/$1-$2
    if [[ ! -x $root/bin/$1 ]]; then
        say "installing $1 $2 from crates.io"
        CARGO_TARGET_DIR=$CACHE/tools/target cargo install --quiet --locked --root "$root" "$1@$2"
        rm -rf "$CACHE/tools/target"
    fi
    PATH=$root/bin:$PATH
}

# Puts Debian's Rust first, with a CARGO_HOME of its own: two compilers never mix. It has the source of std beside it.
use_debian_rust() {
    local host_home=${CARGO_HOME:-$HOME/.cargo}
    export PATH=/usr/bin:/bin:/usr/sbin:/sbin RUSTC_BOOTSTRAP=1
    export CARGO_HOME=$CACHE/cross/home
    unset CARGO RUSTC RUSTC_WRAPPER RUSTUP_TOOLCHAIN RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
    mkdir -p "$CARGO_HOME"
    # A mirror or proxy of the user's serves here too.
    [[ ! -e $host_home/config.toml ]] || ln -sfn "$host_home/config.toml" "$CARGO_HOME/config.toml"
}

# Two start-up objects that the linker line of 32-bit Windows names; the source of std holds them.
windows_32_start_objects() {
    local rt name target=i686-pc-windows-gnu
    rt=$CACHE/cross/rt-$(rustc --version | cut -d' ' -f2)
    mkdir -p "$rt"
    for name in rsbegin rsend; do
        [[ -e $rt/$name.o ]] || rustc --target "$target" --crate-type rlib --emit=obj -Cpanic=abort -o "$rt/$name.o" \
            "$(rustc --print sysroot)/lib/rustlib/src/rust/library/rtstartup/$name.rs"
    done
    export CARGO_TARGET_I686_PC_WINDOWS_GNU_RUSTFLAGS="-L native=$rt"
}

# The version of what is built here: four numbers. LICENCE_BUILD_NUMBER stands in for the last one, as in protocol/build.rs.
workspace_version() {
    python3 - <<'END'
import os, tomllib
workspace = tomllib.load(open("Cargo.toml", "rb"))["workspace"]
build = os.environ.get("LICENCE_BUILD_NUMBER") or workspace["metadata"]["build"]
print(f'{workspace["package"]["version"]}.{build}')
END
}

# The commit's time, in seconds since 1970: what the files in packages and archives carry, so that two builds are the same.
commit_time() { git log -1 --format=%ct 2>/dev/null || printf '1767225600\n'; }

# python_with REQUIREMENT…: prints the path of a Python that has these packages from PyPI. The folder's name holds the list.
python_with() {
    local name
    name=$CACHE/python-$(printf '%s\n' "$@" | cksum | cut -d' ' -f1)
    if [[ ! -e $name/ready ]]; then
        need_packages python3-venv >&2
        say "installing from PyPI: $*" >&2
        rm -rf "$name"
        /usr/bin/python3 -m venv "$name" >&2
        "$name/bin/pip" install --quiet --disable-pip-version-check "$@" >&2
        touch "$name/ready"
    fi
    printf '%s\n' "$name/bin/python"
}

# The version that 1c-samples/build_epf.py was written for.
python_for_samples() { python_with v8unpack==1.2.15; }

# What tests/rest_api.rs asks the server with.
python_for_api() { python_with schemathesis==4.32.5; }

# Prints the path of axe-core from the npm registry, which looks at pages as a person with a screen reader would need them.
axe_core() {
    local version=4.14.1 folder
    folder=$CACHE/axe-core-$version
    if [[ ! -e $folder/axe.min.js ]]; then
        command -v npm >/dev/null || need_packages npm >&2
        say "fetching axe-core $version from the npm registry" >&2
        rm -rf "$folder.part"
        mkdir -p "$folder.part"
        (cd "$folder.part" && npm pack --silent "axe-core@$version" >/dev/null && tar xzf ./*.tgz --strip-components=1 package/axe.min.js)
        rm -rf "$folder"
        mv "$folder.part" "$folder"
    fi
    printf '%s\n' "$folder/axe.min.js"
}

# integration_tests PACKAGE…: `--test NAME` for each integration test of these packages of the workspace.
# The tests are always selected from the whole workspace (cargo test --workspace), so that cargo unifies features
# in one way and builds each dependency once.
integration_tests() {
    cargo metadata --no-deps --format-version 1 --locked | python3 -c '
import json, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] in sys.argv[1:]:
        for target in package["targets"]:
            if "test" in target["kind"]:
                print(target["name"])' "$@" | sort -u
}

# run_tests NAME…: runs these integration tests; none is an error, because then the stage proves nothing.
run_tests() {
    (($#)) || die "there is no integration test for this stage"
    local name selected=()
    for name in "$@"; do selected+=(--test "$name"); done
    cargo test --workspace --locked "${selected[@]}"
}
