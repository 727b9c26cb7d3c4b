# soak.sh - ./dev soak: the tests with their full counts and matrices (VM_SOAK=1 in their
# environment; see tests/README.md), without time-outs, those of threads by ThreadSanitizer, then
# 60 s of each fuzz target.
# shellcheck shell=sh

# Races, by ThreadSanitizer: the engine's tests and those of state and devices, and a boot with 4
# harts by the interpreter, whose accesses it sees. It knows atomics but no fences, so what
# fences alone order has to be atomic; -Wno-tsan: gcc's warning about the same.
soak_threads()
{
    check_built "build with ThreadSanitizer" "$top/build-tsan" "ccache gcc" --werror \
        -Db_sanitize=thread -Db_lundef=false -Dc_args=-Wno-tsan || return 0
    # shellcheck disable=SC2046
    check_suite tsan "$top/build-tsan" --timeout-multiplier 0 \
        $(meson test -C "$top/build-tsan" --no-rebuild --list 2>/dev/null | sed 's/.* //' |
            grep -E '^(unit-engine|unit-state|unit-mem|unit-loop|dev-|snap-state)')
    check_step "4 harts boot under ThreadSanitizer" env VM_TEST_PATIENCE=7200 \
        VM_CLI="$top/build-tsan/bin/vm-cli" \
        python3 "$top/tests/guest/boot.py" --slow interp 4 || true
}

soak_main()
{
    deps_install build assets check
    with_lock assets assets_main kernel initramfs rootfs firmware qemu10 stress
    with_lock assets assets_main --arch arm64 kernel initramfs rootfs stress
    build_main
    rm -rf "$check_dir"
    mkdir -p "$check_dir"
    : >"$check_tally"
    VM_SOAK=1 check_suite soak "$build" --timeout-multiplier 0
    soak_threads || true
    check_step "fuzz each target for 60 s" fuzz_main 60 || true
    check_finish
}
