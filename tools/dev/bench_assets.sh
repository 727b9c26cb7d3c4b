# bench_assets.sh - what ./dev bench compares with and runs: Debian 13 programs for the
# guest in an ext4 image, and the same versions for this machine in a tree.
#
#   root.ext4   the guest's packages, unpacked only: the guest mounts it read-only
#   native/     amd64 packages, unpacked: bench.py changes its root to it
#
# Both have the compiler for the guest's architecture, so that its output can be compared. Sourced after
# assets.sh.
# shellcheck shell=sh

bench_packages='python3.13 perl-base sqlite3 xz-utils zstd gzip bzip2 openssl coreutils mawk dash
    grep sed'

# bench_tree DIR ARCH [PACKAGE]...: these packages in DIR, without what no row reads.
bench_tree()
{
    bench_tree_dir=$1
    bench_tree_arch=$2
    shift 2
    # shellcheck disable=SC2086
    apt_root "$bench_tree_dir" "$assets_suite" "$bench_tree_arch" $bench_packages \
        "gcc-14-$(printf %s "$assets_libs" | tr _ -)" "$@"
    set -- "$bench_tree_dir"
    rm -rf "$1/usr/share/doc" "$1/usr/share/man" "$1/usr/share/locale" "$1/usr/share/zoneinfo" \
        "$1/usr/share/info" "$1/var/cache"
    find "$1" \( -name lto1 -o -name '*.a' \) -delete
    mkdir -p "$1/bench" "$1/tmp" "$1/proc" "$1/sys" "$1/dev"
}

bench_guest_image()
{
    # The guest's own compiler calls the assembler by its short name; fio is for --whole fio.
    bench_tree "$assets_work/root" "$assets_guest" binutils fio
    truncate -s 768M "$assets_work/root.ext4"
    mke2fs -q -t ext4 -E root_owner=0:0 -L vm-bench -m 0 -d "$assets_work/root" \
        "$assets_work/root.ext4" || die "mke2fs cannot make the image of the benchmarks"
    mkdir -p "$bench_dir"
    mv "$assets_work/root.ext4" "$bench_dir/root.ext4"
}

bench_native_tree()
{
    bench_tree "$assets_work/root" amd64
    mkdir -p "$bench_dir"
    rm -rf "$bench_dir/native"
    mv "$assets_work/root" "$bench_dir/native"
}

bench_assets()
{
    assets_main kernel initramfs qemu10
    assets_make bench-image "$bench_packages" 4 -- bench_guest_image
    assets_make bench-native "$bench_packages" 2 -- bench_native_tree
}
