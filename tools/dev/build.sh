# build.sh - the build directories of ./dev, each a Meson set-up of its own.
#
#   build/          gcc, optimised, what ./dev build makes; programs in build/bin
#   build-clang/    the same by clang          build-asan/   with ASan and UBSan
#   build-fuzz/     fuzz targets by clang      build-arm64/ build-riscv64/ build-windows/
#   build-tsan/     with ThreadSanitizer, for soak
#   build-release/  for install and package
# Sourced after common.sh.
# shellcheck shell=sh

# Two trees of the same source share the cache: paths below $top are relative in it.
build_env()
{
    export CCACHE_DIR="${CCACHE_DIR:-$cache/ccache}" CCACHE_BASEDIR="$top" CCACHE_NOHASHDIR=1
    export CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-4G}"
}

# build_setup DIR [MESON-ARGUMENT]...: configures DIR; from nothing when it was
# configured otherwise or by another Meson or compiler. CC comes from the environment.
build_setup()
{
    build_dir=$1
    shift
    build_recipe=$(recipe_of "$top" "$(meson --version)" "${CC:-}" \
        "$(${CC:-gcc} --version 2>/dev/null | head -n 1)" "$@")
    if [ -f "$build_dir/build.ninja" ] && is_fresh "$build_dir/.dev-setup" "$build_recipe"; then
        return 0
    fi
    rm -rf "$build_dir"
    mkdir -p "$build_dir"
    if ! meson setup "$build_dir" "$top" "$@" >"$build_dir.log" 2>&1; then
        cat "$build_dir.log" >&2
        rm -rf "$build_dir" "$build_dir.log"
        return 1
    fi
    mv "$build_dir.log" "$build_dir/setup.log"
    printf '%s\n' "$build_recipe" >"$build_dir/.dev-setup"
}

# build_ninja DIR [TARGET]...: builds; warnings and errors are shown, progress is not.
build_ninja()
{
    build_dir=$1
    shift
    if ninja -C "$build_dir" "$@" >"$build_dir/ninja.log" 2>&1; then
        return 0
    fi
    # What ninja says between "FAILED:" lines is what the compiler said.
    sed -n '/^FAILED:/,$p; /: ERROR: /p' "$build_dir/ninja.log" | head -n 200 >&2
    return 1
}

# The build everybody has: gcc, warnings are errors.
build_main()
{
    build_env
    CC=${CC:-ccache gcc} build_setup "$build" --werror &&
        build_ninja "$build" ||
        die "the build failed"
    say "built; programs are in ${build#"$top"/}/bin"
}
