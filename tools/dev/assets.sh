# assets.sh - guest systems and oracles for tests, made from Debian 13 packages.
#
#   ./dev assets [NAME]...    kernel initramfs rootfs firmware qemu10 stress; default: the first four
#   ./dev assets --print      what is there: NAME=PATH lines
#
# Everything lands in the cache under assets/; a product is made anew when the
# scripts it is made from change. Paths never change, files are replaced whole.
# Sourced after common.sh and apt.sh.
# shellcheck shell=sh

assets_suite=trixie
assets_guest=riscv64
assets_dir=$cache/assets/$assets_guest
guest_files=$top/tests/guest
qemu10_root=$cache/qemu10
bench_dir=$cache/assets/bench

# Drivers that are modules in Debian's kernel; their dependencies are added. The
# second list is loaded only when there is a disk: ext4.ko alone is 7 MB.
assets_drivers='virtio_mmio virtio_blk virtio_net virtio_rng'
assets_filesystems='ext4 crc32c_generic'

assets_print()
{
    for assets_file in Image initrd.cpio initrd.cpio.zst root.ext4 fw_dynamic.bin fw_jump.elf \
        u-boot.bin stress.ext4 kernel.version; do
        if [ -e "$assets_dir/$assets_file" ]; then
            printf '%s=%s\n' "$assets_file" "$assets_dir/$assets_file"
        fi
    done
    for assets_file in root.ext4 native; do
        if [ -e "$bench_dir/$assets_file" ]; then
            printf 'bench-%s=%s\n' "$assets_file" "$bench_dir/$assets_file"
        fi
    done
    if [ -e "$qemu10_root/ready" ]; then
        printf 'qemu10=%s\n' "$qemu10_root"
        for assets_file in "$qemu10_root"/run/*; do
            printf '%s=%s\n' "${assets_file##*/}" "$assets_file"
        done
    fi
}

# assets_make NAME RECIPE-ITEM... -- FUNCTION: runs FUNCTION in a fresh work
# directory ($assets_work) unless NAME was made from this recipe before.
assets_make()
{
    assets_name=$1
    shift
    assets_items=
    while [ "$1" != -- ]; do
        assets_items="$assets_items $1"
        shift
    done
    # shellcheck disable=SC2086
    assets_recipe=$(recipe_of "$assets_name" $assets_items)
    mkdir -p "$assets_dir"
    if is_fresh "$assets_dir/.$assets_name" "$assets_recipe"; then
        return 0
    fi
    say "making $assets_name from Debian $assets_suite packages"
    assets_work=$cache/work-$assets_name
    rm -rf "$assets_work"
    mkdir -p "$assets_work"
    "$2" || exit 1
    rm -rf "$assets_work"
    printf '%s\n' "$assets_recipe" >"$assets_dir/.$assets_name"
}

# Puts a finished file in its place in one step.
assets_put()
{
    mv "$1" "$assets_dir/$2.new" && mv "$assets_dir/$2.new" "$assets_dir/$2"
}

# The kernel image as /boot has it, and its modules, unpacked for the initramfs.
assets_kernel()
{
    apt_private_init "$assets_suite" "$assets_guest"
    assets_package=$(apt_private show "linux-image-$assets_guest" |
        sed -n 's/^Depends: *\(linux-image-[^ ,]*\).*/\1/p' | head -n 1)
    [ -n "$assets_package" ] || die "linux-image-$assets_guest names no kernel package"
    apt_unpack "$assets_work/root" "$assets_suite" "$assets_guest" "$assets_package"
    assets_version=${assets_package#linux-image-}
    printf '%s\n' "$assets_version" >"$assets_work/version"
    rm -rf "$assets_dir/kernel"
    mv "$assets_work/root" "$assets_dir/kernel"
    depmod -b "$assets_dir/kernel/usr" "$assets_version" ||
        die "depmod cannot read the kernel's modules"
    cp "$assets_dir/kernel/boot/vmlinux-$assets_version" "$assets_work/Image"
    assets_put "$assets_work/Image" Image
    assets_put "$assets_work/version" kernel.version
}

# assets_copy_modules DIR LIST MODULE...: copies these modules, with what they
# depend on, into DIR, decompressed, and writes DIR/LIST, the order to load them in.
assets_copy_modules()
{
    assets_to=$1
    assets_list=$1/$2
    shift 2
    assets_version=$(cat "$assets_dir/kernel.version")
    for assets_module in "$@"; do
        modprobe -d "$assets_dir/kernel/usr" -S "$assets_version" --show-depends \
            "$assets_module" || die "Debian's kernel has no module $assets_module"
    done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' >"$assets_work/modules"
    : >"$assets_list"
    while read -r assets_ko; do
        assets_base=${assets_ko##*/}
        assets_base=${assets_base%.xz}
        case $assets_ko in
        *.xz) xz -dc "$assets_ko" >"$assets_to/$assets_base" ;;
        *) cp "$assets_ko" "$assets_to/$assets_base" ;;
        esac
        printf '%s\n' "$assets_base" >>"$assets_list"
    done <"$assets_work/modules"
    [ -s "$assets_list" ] || die "no module found of: $*"
}

# assets_busybox DIR: busybox and all its names in DIR/bin and DIR/sbin.
assets_busybox()
{
    apt_unpack "$assets_work/busybox" "$assets_suite" "$assets_guest" busybox-static
    mkdir -p "$1/bin" "$1/sbin"
    cp "$assets_work/busybox/usr/bin/busybox" "$1/bin/busybox"
    # Names of our choice: running the foreign busybox to ask would need an emulator.
    for assets_link in sh cat ls cp mv rm ln mkdir rmdir mknod mount umount echo printf test '[' \
        sleep usleep uname hostname dd df du free ps top kill grep sed awk sort head tail wc cut tr \
        find xargs touch chmod chown stat sync date dmesg more vi less md5sum sha256sum cmp diff \
        od hexdump tar gzip gunzip zcat env id true false expr seq yes tee time timeout nc wget \
        ping clear reset stty tty setsid cttyhack watch which who uptime mkfifo readlink basename \
        dirname cksum factor bc dc; do
        ln -sf busybox "$1/bin/$assets_link"
    done
    for assets_link in insmod lsmod modprobe rmmod poweroff reboot halt switch_root ip ifconfig \
        route udhcpc blkid mke2fs mkswap fdisk losetup hwclock sysctl getty; do
        ln -sf ../bin/busybox "$1/sbin/$assets_link"
    done
}

assets_initramfs()
{
    assets_root=$assets_work/root
    mkdir -p "$assets_root/dev" "$assets_root/proc" "$assets_root/sys" "$assets_root/etc" \
        "$assets_root/tmp" "$assets_root/root" "$assets_root/mnt" "$assets_root/lib/modules"
    assets_busybox "$assets_root"
    # shellcheck disable=SC2086
    assets_copy_modules "$assets_root/lib/modules" drivers $assets_drivers
    # shellcheck disable=SC2086
    assets_copy_modules "$assets_root/lib/modules" filesystems $assets_filesystems
    cp "$guest_files/initramfs.init" "$assets_root/init"
    cp "$guest_files/udhcpc.script" "$assets_root/etc/udhcpc.script"
    chmod 755 "$assets_root/init" "$assets_root/etc/udhcpc.script"
    (cd "$assets_root" && find . | LC_ALL=C sort |
        cpio -o -H newc --owner=0:0 --reproducible --quiet) >"$assets_work/initrd.cpio"
    zstd -q -9 -k "$assets_work/initrd.cpio" -o "$assets_work/initrd.cpio.zst"
    assets_put "$assets_work/initrd.cpio" initrd.cpio
    assets_put "$assets_work/initrd.cpio.zst" initrd.cpio.zst
}

# 48 MiB of ext4 with busybox and 8 MiB of checksummed data.
assets_rootfs()
{
    assets_root=$assets_work/root
    mkdir -p "$assets_root/dev" "$assets_root/proc" "$assets_root/sys" "$assets_root/etc" \
        "$assets_root/tmp" "$assets_root/root" "$assets_root/var" "$assets_root/data"
    assets_busybox "$assets_root"
    cp "$guest_files/root.init" "$assets_root/sbin/init"
    chmod 755 "$assets_root/sbin/init"
    seq 1 1200000 >"$assets_root/data/numbers"
    (cd "$assets_root" && sha256sum data/numbers >etc/data.sha256)
    assets_ext4 "$assets_root" 48M root.ext4
}

# assets_ext4 DIR SIZE NAME: an ext4 image of the tree, everything owned by root.
assets_ext4()
{
    truncate -s "$2" "$assets_work/$3"
    mke2fs -q -t ext4 -E root_owner=0:0 -L vm-root -d "$1" "$assets_work/$3" ||
        die "mke2fs cannot make $3"
    assets_put "$assets_work/$3" "$3"
}

assets_firmware()
{
    # Packages for all architectures, found in the list of any of them.
    apt_unpack "$assets_work/root" "$assets_suite" "$assets_guest" opensbi u-boot-qemu
    assets_opensbi=$assets_work/root/usr/lib/riscv64-linux-gnu/opensbi/generic
    for assets_file in fw_dynamic.bin fw_jump.bin fw_jump.elf; do
        assets_put "$assets_opensbi/$assets_file" "$assets_file"
    done
    assets_put "$assets_work/root/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin" u-boot.bin
}

# QEMU 10 in a tree of its own, and for each program a script that runs it with
# that tree's libraries: the oracle of the instruction and board tests.
assets_qemu10()
{
    apt_root "$qemu10_root.new" "$assets_suite" amd64 qemu-system-riscv qemu-user qemu-utils
    mkdir -p "$qemu10_root.new/run"
    for assets_program in qemu-riscv64 qemu-aarch64 qemu-x86_64 qemu-system-riscv64; do
        cat >"$qemu10_root.new/run/${assets_program}-10" <<END
#!/bin/sh
root=\$(dirname "\$0")/..
lib=\$root/usr/lib/x86_64-linux-gnu
QEMU_MODULE_DIR=\$lib/qemu exec "\$root/usr/lib64/ld-linux-x86-64.so.2" --argv0 $assets_program \\
    --library-path "\$lib:\$lib/pulseaudio" "\$root/usr/bin/$assets_program" QEMU_DATA "\$@"
END
        case $assets_program in
        qemu-system-*) assets_data='-L "$root/usr/share/qemu" -L "$root/usr/lib/ipxe/qemu"' ;;
        *) assets_data= ;;
        esac
        sed -i "s|QEMU_DATA|$assets_data|" "$qemu10_root.new/run/${assets_program}-10"
        chmod 755 "$qemu10_root.new/run/${assets_program}-10"
    done
    : >"$qemu10_root.new/ready"
    rm -rf "$qemu10_root"
    mv "$qemu10_root.new" "$qemu10_root"
}

assets_main()
{
    if [ "${1:-}" = --print ]; then
        assets_print
        return 0
    fi
    [ $# -gt 0 ] || set -- kernel initramfs rootfs firmware
    assets_self=$top/tools/dev/assets.sh
    for assets_wanted in "$@"; do
        case $assets_wanted in
        kernel) assets_make kernel 1 -- assets_kernel ;;
        initramfs)
            assets_make kernel 1 -- assets_kernel
            assets_make initramfs "$assets_self" "$guest_files/initramfs.init" \
                "$guest_files/udhcpc.script" "$assets_dir/kernel.version" -- assets_initramfs
            ;;
        rootfs) assets_make rootfs "$assets_self" "$guest_files/root.init" -- assets_rootfs ;;
        firmware) assets_make firmware 1 -- assets_firmware ;;
        qemu10) assets_make qemu10 1 -- assets_qemu10 ;;
        *) die "no asset \"$assets_wanted\": kernel, initramfs, rootfs, firmware or qemu10" ;;
        esac
    done
}
