# bench.sh - ./dev bench: the benchmarks, in an optimised build without checks of ours.
# Figures are printed, none is judged. More arguments go to `meson test`.
# shellcheck shell=sh

bench_main()
{
    deps_install build assets
    with_lock assets assets_main kernel initramfs
    build_env
    CC='ccache gcc' build_setup "$top/build-release" --buildtype=release --prefix=/usr/local &&
        build_ninja "$top/build-release" || die "the build failed"
    meson test -C "$top/build-release" --benchmark --no-rebuild --num-processes 1 --verbose \
        --timeout-multiplier 0 "$@"
}
