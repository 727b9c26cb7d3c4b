# bench.sh - ./dev bench [OPTION]...: native, vm-cli and QEMU 10 side by side; see
# bench/bench.py --help. Without --vm an optimised build of this tree is made and timed.
# Figures are printed, none is judged.
# shellcheck shell=sh

bench_build()
{
    build_env
    CC='ccache gcc' build_setup "$top/build-release" --buildtype=release --prefix=/usr/local &&
        build_ninja "$top/build-release" || die "the build failed"
}

bench_main()
{
    case " $* " in
    *" --help "* | *" -h "*) ;;
    *)
        assets_for "$(arch_of "$@")"
        deps_install build assets bench
        with_lock assets bench_assets
        case " $* " in
        *" --vm"[\ =]*) ;;
        *) bench_build ;;
        esac
        ;;
    esac
    python3 "$top/bench/bench.py" "$@"
}
