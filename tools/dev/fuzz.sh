# fuzz.sh - ./dev fuzz [SECONDS] [TARGET]...: runs libFuzzer on the targets of tests/fuzz.
#
# A target is the program build-fuzz/tests/fuzz/fuzz_NAME; it starts from the saved
# corpus tests/fuzz/corpus/NAME. What it finds stays in build-fuzz/corpus/NAME, and an
# input that breaks it in build-fuzz/found/.
# shellcheck shell=sh

fuzz_build=$top/build-fuzz

fuzz_setup()
{
    build_env
    CC='ccache clang' build_setup "$fuzz_build" -Dfuzz=true -Db_lundef=false \
        -Db_sanitize=address,undefined && build_ninja "$fuzz_build" fuzzers
}

# fuzz_targets [NAME]...: the programs of these targets, or of all.
fuzz_targets()
{
    if [ $# -eq 0 ]; then
        find "$fuzz_build/tests/fuzz" -maxdepth 1 -type f -name 'fuzz_*' -perm -u+x |
            LC_ALL=C sort
    fi
    for fuzz_name in "$@"; do
        [ -x "$fuzz_build/tests/fuzz/fuzz_$fuzz_name" ] || die "no fuzz target \"$fuzz_name\""
        printf '%s\n' "$fuzz_build/tests/fuzz/fuzz_$fuzz_name"
    done
}

# fuzz_one PROGRAM SECONDS: true when nothing was found.
fuzz_one()
{
    fuzz_name=${1##*/fuzz_}
    fuzz_corpus=$fuzz_build/corpus/$fuzz_name
    mkdir -p "$fuzz_corpus" "$fuzz_build/found"
    set -- "$1" "$2" "$fuzz_corpus"
    [ -d "$top/tests/fuzz/corpus/$fuzz_name" ] && set -- "$@" "$top/tests/fuzz/corpus/$fuzz_name"
    fuzz_program=$1
    fuzz_seconds=$2
    shift 2
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
        "$fuzz_program" -max_total_time="$fuzz_seconds" -timeout=60 -rss_limit_mb=4096 \
        -print_final_stats=1 -artifact_prefix="$fuzz_build/found/$fuzz_name-" "$@" \
        >"$fuzz_build/$fuzz_name.log" 2>&1 && return 0
    tail -n 60 "$fuzz_build/$fuzz_name.log"
    return 1
}

fuzz_main()
{
    fuzz_time=60
    case ${1:-} in
    '' | *[!0-9]*) ;;
    *)
        fuzz_time=$1
        shift
        ;;
    esac
    deps_install build check
    fuzz_setup || die "the fuzz targets do not build"
    fuzz_status=0
    fuzz_list=$(fuzz_targets "$@") || exit 1
    [ -n "$fuzz_list" ] || die "there are no fuzz targets in tests/fuzz"
    for fuzz_target in $fuzz_list; do
        if fuzz_one "$fuzz_target" "$fuzz_time"; then
            echo "ok - ${fuzz_target##*/} ($(sed -n 's/^stat::number_of_executed_units: *//p' \
                "$fuzz_build/${fuzz_target##*/fuzz_}.log") inputs)"
        else
            echo "not ok - ${fuzz_target##*/}"
            fuzz_status=1
        fi
    done
    return $fuzz_status
}
