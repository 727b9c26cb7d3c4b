# apt.sh - a private apt: packages of another Debian release or architecture,
# downloaded and unpacked without installing anything on this machine.
#
# It takes the archive's address from the machine's own apt configuration, so
# that a configured mirror or proxy is used, and checks the archive's signature.
# Nothing below needs root. Sourced after common.sh.
# shellcheck shell=sh

apt_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Prints the address of the Debian archive this machine uses.
apt_archive()
{
    # shellcheck disable=SC1091
    apt_codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' \
        "Codename: $apt_codename" | head -n 1
}

# apt_patiently LOG COMMAND...: runs an apt command, its words go to LOG. A mirror in the
# middle of a change has lists that contradict each other: then it is asked again, six
# times in all with VM_APT_PAUSE seconds (30) between.
apt_patiently()
{
    apt_log=$1
    shift
    for apt_try in 1 2 3 4 5 6; do
        "$@" >"$apt_log" 2>&1 && return 0
        grep -q 'unexpected size\|[Mm]irror sync\|Hash Sum mismatch' "$apt_log" || return 1
        case $apt_try in
        1) say "the package archive is being changed right now; asking again for some minutes" ;;
        6) return 1 ;;
        esac
        sleep "${VM_APT_PAUSE:-30}"
    done
}

# apt_private_init SUITE ARCH: sets apt_dir and makes the configuration there.
apt_private_init()
{
    apt_dir=$cache/apt/$1-$2
    if [ -f "$apt_dir/ready" ]; then
        return 0
    fi
    apt_site=$(apt_archive)
    # An image whose package lists were cleaned away knows it only after an update.
    [ -n "$apt_site" ] || { deps_apt update && apt_site=$(apt_archive); }
    [ -n "$apt_site" ] || die "apt knows no Debian archive; run apt-get update first"
    [ -f "$apt_keyring" ] || die "$apt_keyring is missing; install debian-archive-keyring"
    mkdir -p "$apt_dir/state/lists/partial" "$apt_dir/cache/archives/partial"
    : >"$apt_dir/status"
    printf 'deb [signed-by=%s] %s %s main\n' "$apt_keyring" "$apt_site" "$1" \
        >"$apt_dir/sources.list"
    cat >"$apt_dir/apt.conf" <<END
#clear APT::Architectures;
APT::Architecture "$2";
APT::Architectures { "$2"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
APT::Get::Assume-Yes "true";
APT::Update::Post-Invoke "";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "$apt_dir/state";
Dir::State::status "$apt_dir/status";
Dir::Cache "$apt_dir/cache";
Dir::Etc::sourcelist "$apt_dir/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
END
    apt_private_update || {
        cat "$apt_dir/log" >&2
        die "cannot read the package list of Debian $1 for $2"
    }
    : >"$apt_dir/ready"
}

# apt_private COMMAND...: apt-get or apt-cache of the private configuration.
apt_private()
{
    case $1 in
    show | depends | showpkg) APT_CONFIG=$apt_dir/apt.conf apt-cache "$@" ;;
    *) APT_CONFIG=$apt_dir/apt.conf DEBIAN_FRONTEND=noninteractive apt-get "$@" ;;
    esac
}

apt_private_update()
{
    apt_patiently "$apt_dir/log" apt_private update -qq
}

# Runs a download; when the archive has moved on, reads its lists anew and retries.
apt_private_download()
{
    apt_patiently "$apt_dir/log" apt_private -qq "$@" && return 0
    apt_private_update && apt_patiently "$apt_dir/log" apt_private -qq "$@" && return 0
    cat "$apt_dir/log" >&2
    die "cannot download packages: apt-get $*"
}

# apt_fetch SUITE ARCH PACKAGE...: prints the .deb files of just these packages.
apt_fetch()
{
    apt_private_init "$1" "$2"
    shift 2
    for apt_package in "$@"; do
        rm -rf "$apt_dir/one"
        mkdir -p "$apt_dir/one"
        (cd "$apt_dir/one" && apt_private_download download "$apt_package") || exit 1
        mv "$apt_dir/one"/*.deb "$apt_dir/cache/archives/"
        # The name apt wrote is the only one with this package's version.
        ls -t "$apt_dir/cache/archives/${apt_package}"_*.deb | head -n 1
    done
}

# apt_unpack DIR SUITE ARCH PACKAGE...: unpacks these packages and no others.
apt_unpack()
{
    apt_unpack_dir=$1
    shift
    apt_debs=$(apt_fetch "$@") || exit 1
    mkdir -p "$apt_unpack_dir"
    for apt_deb in $apt_debs; do
        dpkg-deb --extract "$apt_deb" "$apt_unpack_dir"
    done
}

# apt_root DIR SUITE ARCH PACKAGE...: a tree of these packages and all they
# depend on, unpacked only: no maintainer script runs.
apt_root()
{
    apt_root_dir=$1
    apt_private_init "$2" "$3"
    shift 3
    rm -f "$apt_dir/cache/archives"/*.deb
    apt_private_download --download-only install base-files "$@"
    rm -rf "$apt_root_dir"
    mkdir -p "$apt_root_dir"
    # base-files brings /lib -> usr/lib and must come first.
    for apt_deb in "$apt_dir/cache/archives"/base-files_*.deb "$apt_dir/cache/archives"/*.deb; do
        dpkg-deb --fsys-tarfile "$apt_deb" |
            tar -C "$apt_root_dir" --keep-directory-symlink --no-same-owner -xf -
    done
    rm -f "$apt_dir/cache/archives"/*.deb
}
