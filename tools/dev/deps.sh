# deps.sh - the Debian packages each part of ./dev needs, for Debian 12 and 13.
# Installs only what is missing; a second run asks dpkg once and does no more.
# Sourced after common.sh.
# shellcheck shell=sh

# gcc and pkg-config bring their own base; meson brings python3, which a few
# lints and test drivers use (standard library only).
deps_build='gcc libc6-dev pkg-config meson ninja-build ccache
    libext2fs-dev libfdt-dev libjansson-dev libslirp-dev liburing-dev libsqlite3-dev libzstd-dev
    zlib1g-dev'

deps_assets='ca-certificates debian-archive-keyring cpio zstd xz-utils kmod e2fsprogs binutils'

deps_check='clang libclang-rt-dev llvm clang-format-19 shellcheck mandoc fish git device-tree-compiler
    g++ jq qemu-user qemu-utils gcc-aarch64-linux-gnu gcc-riscv64-linux-gnu libc6-dev-arm64-cross
    libc6-dev-riscv64-cross gcc-mingw-w64-x86-64 gdb-multiarch acpica-tools'

# What vm-cli install-debian runs.
deps_debian='apt debian-archive-keyring dpkg e2fsprogs openssh-client xz-utils'

deps_bench='gcc-riscv64-linux-gnu libc6-dev-riscv64-cross gcc-aarch64-linux-gnu libc6-dev-arm64-cross'

deps_package='dpkg-dev mmdebstrap binutils'

# Prints those of the packages named that are not installed.
deps_missing()
{
    dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
        awk -v wanted="$*" '
            $2 == "installed" { have[$1] = 1 }
            END {
                n = split(wanted, name, " ")
                for (i = 1; i <= n; i++)
                    if (!(name[i] in have))
                        print name[i]
            }'
}

# deps_install GROUP...: installs the packages of these groups.
deps_install()
{
    deps_wanted=
    for deps_group in "$@"; do
        case $deps_group in
        build) deps_wanted="$deps_wanted $deps_build" ;;
        assets) deps_wanted="$deps_wanted $deps_assets" ;;
        check) deps_wanted="$deps_wanted $deps_check" ;;
        bench) deps_wanted="$deps_wanted $deps_bench" ;;
        debian) deps_wanted="$deps_wanted $deps_debian" ;;
        package) deps_wanted="$deps_wanted $deps_package" ;;
        *) die "no group of packages \"$deps_group\": build, assets, check, bench, debian or package" ;;
        esac
    done
    have dpkg-query || die "this is no Debian system; install by hand:$deps_wanted"
    # shellcheck disable=SC2086
    deps_todo=$(deps_missing $deps_wanted)
    [ -n "$deps_todo" ] || return 0
    # shellcheck disable=SC2086
    say "installing" $deps_todo
    # shellcheck disable=SC2086
    deps_apt install $deps_todo && return 0
    deps_apt update && deps_apt install $deps_todo && return 0
    cat "$cache/apt-install.log" >&2
    die "cannot install the packages named above"
}

# apt-get as root without questions; what it says is kept for the case of failure.
deps_apt()
{
    mkdir -p "$cache"
    apt_patiently "$cache/apt-install.log" as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o DPkg::Lock::Timeout=600 -o APT::Install-Recommends=false "$@" </dev/null
}
