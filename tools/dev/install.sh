# install.sh - ./dev install [--prefix DIR] [--destdir DIR]; also PREFIX and DESTDIR from
# the environment. Builds an optimised libvm and its programs and installs them.
# shellcheck shell=sh

install_main()
{
    install_prefix=${PREFIX:-/usr/local}
    install_destdir=${DESTDIR:-}
    while [ $# -gt 0 ]; do
        case $1 in
        --prefix=*) install_prefix=${1#*=} ;;
        --destdir=*) install_destdir=${1#*=} ;;
        --prefix | --destdir)
            [ $# -ge 2 ] || die "$1 needs a folder"
            if [ "$1" = --prefix ]; then install_prefix=$2; else install_destdir=$2; fi
            shift
            ;;
        *) die "install does not know \"$1\": --prefix DIR, --destdir DIR" ;;
        esac
        shift
    done
    deps_install build
    install_tree "$top/build-release" "$install_prefix" "$install_destdir"
    say "installed below $install_destdir$install_prefix"
}

# install_tree BUILD-DIR PREFIX DESTDIR [MESON-ARGUMENT]...
install_tree()
{
    install_from=$1
    install_into=$3
    install_to=$2
    shift 3
    build_env
    CC='ccache gcc' build_setup "$install_from" --buildtype=release --prefix="$install_to" "$@" &&
        build_ninja "$install_from" || die "the build failed"
    install_as=
    # Only a folder this user may not write needs root.
    install_probe=$install_into$install_to
    while [ ! -e "$install_probe" ]; do
        install_probe=$(dirname "$install_probe")
    done
    [ -w "$install_probe" ] || install_as=as_root
    DESTDIR='' $install_as meson install -C "$install_from" --no-rebuild --quiet \
        ${install_into:+--destdir "$install_into"}
    if [ -z "$install_into" ]; then
        $install_as ldconfig 2>/dev/null || true
    fi
}
