# common.sh - what every part of ./dev shares: paths, messages, root, the cache.
# Sourced, not run. $top is the top of the source tree.
# shellcheck shell=sh

cache=${VM_DEV_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/vm-dev}
build=${VM_BUILD_DIR:-$top/build}

# Some tools used here live in sbin, which a user's PATH may lack.
PATH=$PATH:/usr/sbin:/sbin

# Progress goes to stderr, so that stdout stays what a command is asked for.
say()
{
    printf '%s\n' "dev: $*" >&2
}

die()
{
    printf '%s\n' "dev: error: $*" >&2
    exit 1
}

have()
{
    command -v "$1" >/dev/null 2>&1
}

# Runs a command as root: directly, or by sudo.
as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif have sudo; then
        sudo -- "$@"
    else
        die "\"$1\" needs root; run ./dev as root or install sudo"
    fi
}

# with_lock NAME COMMAND...: one process at a time in this part of the cache.
with_lock()
{
    mkdir -p "$cache"
    (
        flock 9
        shift
        "$@" 9>&-
    ) 9>"$cache/.lock-$1"
}

# arch_of OPTION...: the architecture of guests that --arch names.
arch_of()
{
    arch_named=riscv64
    while [ $# -gt 0 ]; do
        case $1 in
        --arch) arch_named=${2:-} ;;
        --arch=*) arch_named=${1#--arch=} ;;
        esac
        shift
    done
    printf '%s\n' "$arch_named"
}

# Checksum of the files and words a cached product is made from.
recipe_of()
{
    for recipe_item in "$@"; do
        if [ -f "$recipe_item" ]; then
            cat "$recipe_item"
        else
            printf '%s\n' "$recipe_item"
        fi
    done | sha256sum | cut -c1-16
}

# is_fresh STAMP RECIPE: was the product made from this recipe?
is_fresh()
{
    [ "$(cat "$1" 2>/dev/null)" = "$2" ]
}
