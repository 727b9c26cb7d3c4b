# soak.sh - ./dev soak: the tests with their full counts and matrices (VM_SOAK=1 in
# their environment; see tests/README.md), without time-outs, then 60 s of each fuzz target.
# shellcheck shell=sh

soak_main()
{
    deps_install build assets check
    with_lock assets assets_main kernel initramfs rootfs firmware qemu10 stress
    build_main
    rm -rf "$check_dir"
    mkdir -p "$check_dir"
    : >"$check_tally"
    VM_SOAK=1 check_suite soak "$build" --timeout-multiplier 0
    check_step "fuzz each target for 60 s" fuzz_main 60 || true
    check_finish
}
