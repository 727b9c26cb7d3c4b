# check.sh - ./dev check: everything that has to hold before a change lands.
#
# Every step, and every TAP line of every test program, is one line in the tally;
# the last line printed is "N passed, N failed, N skipped". A step that fails does
# not stop the others. Sourced after the other parts.
# shellcheck shell=sh

check_dir=$top/build-check
check_tally=$check_dir/tally

# check_step NAME COMMAND...: one build or lint, counted as one test.
check_step()
{
    check_name=$1
    shift
    check_began=$(date +%s)
    if ("$@") >"$check_dir/step.log" 2>&1 </dev/null; then
        check_verdict=pass
        printf 'ok - %s' "$check_name"
    else
        check_verdict=fail
        printf 'not ok - %s' "$check_name"
    fi
    printf ' (%s s)\n' "$(($(date +%s) - check_began))"
    printf '%s %s\n' "$check_verdict" "$check_name" >>"$check_tally"
    if [ "$check_verdict" = fail ]; then
        sed 's/^/    /' "$check_dir/step.log"
        return 1
    fi
}

# check_suite NAME DIR [MESON-TEST-ARGUMENT]...: the tests of a build directory.
check_suite()
{
    check_name=$1
    check_build=$2
    shift 2
    rm -f "$check_build/meson-logs/testlog.json"
    # Time-outs only catch what hangs: ten times what each test declares.
    meson test -C "$check_build" --no-rebuild --timeout-multiplier 10 "$@" \
        >"$check_dir/suite.log" 2>&1 </dev/null || true
    if [ -s "$check_build/meson-logs/testlog.json" ]; then
        python3 "$top/tools/dev/tap.py" "$check_build/meson-logs/testlog.json" "$check_name" \
            "$check_tally" || true
    elif ! grep -q 'No tests defined\|No suitable tests' "$check_dir/suite.log"; then
        sed 's/^/    /' "$check_dir/suite.log"
        printf 'fail %s/meson test\n' "$check_name" >>"$check_tally"
    fi
}

# check_built NAME DIR CC [MESON-ARGUMENT]...: sets DIR up and builds it, as one step.
check_built()
{
    check_label=$1
    check_to=$2
    check_cc=$3
    shift 3
    check_step "$check_label" check_build_one "$check_to" "$check_cc" "$@"
}

check_build_one()
{
    check_to=$1
    export CC="$2"
    shift 2
    build_setup "$check_to" "$@" && build_ninja "$check_to"
}

check_lints()
{
    for check_lint in "$top"/tools/lint/lint-*; do
        check_lint_name=${check_lint##*/lint-}
        check_step "lint ${check_lint_name%.*}" "$check_lint" "$top" || true
    done
    check_step "lint selftest" "$top/tools/lint/selftest.sh" || true
}

# Tests that need no long guest boots; what runs under sanitisers and foreign CPUs.
check_quick='--no-suite guest --no-suite slow --no-suite fuzz'

check_native()
{
    if check_built "build with gcc" "$build" "ccache gcc" --werror; then
        check_suite gcc "$build" --no-suite slow
    fi
    if check_built "build with clang" "$top/build-clang" "ccache clang" --werror; then
        # shellcheck disable=SC2086
        check_suite clang "$top/build-clang" $check_quick
    fi
    if check_built "build with sanitisers" "$top/build-asan" "ccache gcc" --werror \
        -Db_sanitize=address,undefined -Db_lundef=false; then
        # shellcheck disable=SC2086
        ASAN_OPTIONS=detect_stack_use_after_return=1 \
            UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
            check_suite asan "$top/build-asan" $check_quick
    fi
}

# The other hosts: everything for arm64 and riscv64 Linux, base to isa for Windows.
check_cross()
{
    for check_arch in arm64 riscv64; do
        if check_step "build for $check_arch" cross_build "$check_arch"; then
            # What needs no other program: those would not run under qemu-user. unit-block asks
            # the kernel who holds a lock, which qemu-user does not pass on.
            # shellcheck disable=SC2046
            check_suite "$check_arch" "$top/build-$check_arch" \
                $(meson test -C "$top/build-$check_arch" --no-rebuild --list 2>/dev/null |
                    sed 's/.* //' | grep -E '^(unit-|fp|dev-|isa/|snap-state)' |
                    grep -vx unit-block)
        fi
    done
    check_step "build for Windows" cross_build_windows || true
}

# Each fuzz target for a few seconds, three minutes for all together at most.
check_fuzz()
{
    check_step "build of the fuzz targets" fuzz_setup || return 0
    check_targets=$(fuzz_targets)
    [ -n "$check_targets" ] || return 0
    check_count=$(echo "$check_targets" | wc -l)
    check_seconds=$((180 / check_count))
    [ "$check_seconds" -ge 5 ] || check_seconds=5
    [ "$check_seconds" -le 10 ] || check_seconds=10
    for check_target in $check_targets; do
        check_step "fuzz ${check_target##*/fuzz_} for $check_seconds s" \
            fuzz_one "$check_target" "$check_seconds" || true
    done
}

check_finish()
{
    awk '{ n[$1]++ }
         END {
             printf "%d passed, %d failed, %d skipped\n", n["pass"], n["fail"], n["skip"]
             exit n["fail"] > 0 || n["pass"] == 0
         }' "$check_tally"
}

check_main()
{
    deps_install build assets check
    build_env
    rm -rf "$check_dir"
    mkdir -p "$check_dir"
    : >"$check_tally"
    check_step "assets" with_lock assets assets_main kernel initramfs rootfs firmware qemu10 || true
    check_step "assets of arm64" with_lock assets assets_main --arch arm64 || true
    check_native || true
    check_lints # after a build: some headers include generated ones
    check_cross || true
    check_fuzz || true
    check_finish
}
