#!/bin/sh
# test_installed.sh TOP BUILD - what `meson install` puts into a folder is enough to build on:
# headers, library and pkg-config file for a program of somebody else's, and vm-cli runs there.
set -u
top=$1
build=$2
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
count=0

# check NAME COMMAND...: one line of TAP.
check()
{
    name=$1
    shift
    count=$((count + 1))
    if "$@" >"$scratch/said" 2>&1; then
        echo "ok $count - $name"
    else
        echo "not ok $count - $name"
        sed 's/^/# /' "$scratch/said"
    fi
}

pc()
{
    PKG_CONFIG_PATH=$(dirname "$file") PKG_CONFIG_SYSROOT_DIR=$scratch/root pkg-config "$@" vm
}

compiles()
{
    # shellcheck disable=SC2046 # words
    cc "$top/tests/api/boot_save_load.c" $(pc --cflags --libs) -o "$scratch/example"
}

example_runs()
{
    "$scratch/example" 2>"$scratch/usage" && return 1
    grep 'usage: boot_save_load' "$scratch/usage"
}

# Every public header alone, by a compiler that sees the installed ones only.
headers_compile()
{
    for header in "$scratch/root"/usr/local/include/vm/*.h; do
        # shellcheck disable=SC2046
        echo "#include <vm/${header##*/}>" | cc -x c -std=c11 -Wall -Werror $(pc --cflags) \
            -fsyntax-only - || return 1
    done
}

version_is_the_files()
{
    vm-cli --version | grep -F "$(pc --modversion)"
}

for program in meson pkg-config cc; do
    if ! command -v "$program" >/dev/null; then
        echo "1..0 # SKIP no $program"
        exit 0
    fi
done
check "installs" meson install -C "$build" --no-rebuild --quiet --destdir "$scratch/root"
file=$(find "$scratch/root" -name vm.pc)
LD_LIBRARY_PATH=$(dirname "$(dirname "$file")")
PATH=$(dirname "$(find "$scratch/root" -path '*/bin/vm-cli')"):$PATH
export LD_LIBRARY_PATH PATH
check "a program compiles with the pkg-config file" compiles
check "and runs with the installed library" example_runs
check "each public header stands alone" headers_compile
check "vm-cli runs, of the version that the file names" version_is_the_files
echo "1..$count"
