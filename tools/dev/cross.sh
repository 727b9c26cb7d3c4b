# cross.sh - builds for other hosts: arm64 and riscv64 Linux with Debian's cross
# compilers against a tree of Debian 13 libraries, and the portable part for Windows.
# Tests of the first two run under qemu-user with that tree's C library.
# shellcheck shell=sh

# libslirp's own development package would bring all of GLib's; its header needs none.
cross_packages='libc6-dev libgcc-s1 libatomic1 libfdt-dev libjansson-dev liburing-dev libsqlite3-dev
    libzstd-dev zlib1g-dev libslirp0'
cross_alone='libslirp-dev'

cross_triplet()
{
    case $1 in
    arm64) echo aarch64-linux-gnu ;;
    riscv64) echo riscv64-linux-gnu ;;
    *) die "no cross build for $1" ;;
    esac
}

# cross_sysroot ARCH: makes $cache/sysroot/ARCH when it is missing or made otherwise.
cross_sysroot()
{
    cross_root=$cache/sysroot/$1
    cross_recipe=$(recipe_of "$cross_packages" "$cross_alone" 2)
    if is_fresh "$cross_root/.ready" "$cross_recipe"; then
        return 0
    fi
    say "making the library tree for $1 from Debian $assets_suite packages"
    # shellcheck disable=SC2086
    apt_root "$cross_root.new" "$assets_suite" "$1" $cross_packages
    # shellcheck disable=SC2086
    apt_unpack "$cross_root.new" "$assets_suite" "$1" $cross_alone
    cross_relative_links "$cross_root.new"
    rm -rf "$cross_root"
    mv "$cross_root.new" "$cross_root"
    printf '%s\n' "$cross_recipe" >"$cross_root/.ready"
}

# Links to /lib/... must lead into the tree, not out of it.
cross_relative_links()
{
    find "$1" -type l -lname '/*' | while read -r cross_link; do
        cross_target=$1$(readlink "$cross_link")
        if [ -e "$cross_target" ]; then
            ln -sfnr "$cross_target" "$cross_link"
        fi
    done
}

# cross_setup ARCH DIR: configures DIR for ARCH.
cross_setup()
{
    with_lock "sysroot-$1" cross_sysroot "$1" || return 1
    cat >"$cache/sysroot/$1.ini" <<END
[constants]
sysroot = '$cache/sysroot/$1'
emulator = '$(cross_emulator "$1")'
END
    build_env
    CC='ccache gcc' build_setup "$2" --werror --cross-file "$cache/sysroot/$1.ini" \
        --cross-file "$top/tools/cross/$1.ini"
}

# QEMU 10 where there is one, else this machine's.
cross_emulator()
{
    case $1 in
    arm64) cross_program=qemu-aarch64 ;;
    *) cross_program=qemu-$1 ;;
    esac
    if [ -x "$qemu10_root/run/$cross_program-10" ]; then
        echo "$qemu10_root/run/$cross_program-10"
    else
        command -v "$cross_program"
    fi
}

# cross_build ARCH: set-up and build, as ./dev check runs it.
cross_build()
{
    cross_setup "$1" "$top/build-$1" && build_ninja "$top/build-$1"
}

cross_build_windows()
{
    build_env
    CC='ccache gcc' build_setup "$top/build-windows" --werror \
        --cross-file "$top/tools/cross/windows.ini" && build_ninja "$top/build-windows"
}
