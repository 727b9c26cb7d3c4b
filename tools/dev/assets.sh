# assets.sh - guest systems and oracles for tests, made from Debian 13 packages.
#
#   ./dev assets [--arch ARCH] [NAME]...    kernel initramfs rootfs firmware qemu10 stress
#   ./dev assets [--arch ARCH] --print      what is there: NAME=PATH lines
#
# ARCH is riscv64, the default, or arm64. Without a NAME the first four are made.
# Everything lands in the cache under assets/; a product is made anew when the
# scripts it is made from change. Paths never change, files are replaced whole.
# Sourced after common.sh and apt.sh.
# shellcheck shell=sh

assets_suite=trixie
guest_files=$top/tests/guest
qemu10_root=$cache/qemu10

# Drivers that are modules in Debian's kernel; their dependencies are added. The
# second list is loaded only when there is a disk: ext4.ko alone is 7 MB.
assets_drivers='virtio_mmio virtio_blk virtio_net virtio_rng'
assets_filesystems='ext4 crc32c_generic'

# assets_for ARCH: what is made from now on is for guests of this architecture.
assets_for()
{
    assets_guest=$1
    assets_dir=$cache/assets/$1
    bench_dir=$assets_dir/bench
    case $1 in
    riscv64)
        assets_image=vmlinux
        assets_libs=riscv64-linux-gnu
        assets_loader=ld-linux-riscv64-lp64d.so.1
        assets_default='kernel initramfs rootfs firmware'
        ;;
    arm64)
        assets_image=vmlinuz
        assets_libs=aarch64-linux-gnu
        assets_loader=ld-linux-aarch64.so.1
        assets_default='kernel initramfs rootfs firmware'
        ;;
    *) die "no guest systems for \"$1\": riscv64 or arm64" ;;
    esac
}
assets_for riscv64

assets_print()
{
    for assets_file in Image initrd.cpio initrd.cpio.zst root.ext4 fw_dynamic.bin fw_jump.elf \
        u-boot.bin AAVMF_CODE.fd AAVMF_VARS.fd grubaa64.efi stress.ext4 kernel.version; do
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
    say "making $assets_name for $assets_guest from Debian $assets_suite packages"
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
    cp "$assets_dir/kernel/boot/$assets_image-$assets_version" "$assets_work/Image" ||
        die "$assets_package has no kernel $assets_image-$assets_version"
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

# assets_skeleton DIR: what each disk the tests boot from holds: busybox and the test's init.
assets_skeleton()
{
    mkdir -p "$1/dev" "$1/proc" "$1/sys" "$1/etc" "$1/tmp" "$1/root" "$1/var"
    assets_busybox "$1"
    cp "$guest_files/root.init" "$1/sbin/init"
    chmod 755 "$1/sbin/init"
}

# 48 MiB of ext4 with busybox and 2 MB of checksummed data.
assets_rootfs()
{
    assets_root=$assets_work/root
    assets_skeleton "$assets_root"
    mkdir -p "$assets_root/data"
    seq 1 300000 >"$assets_root/data/numbers"
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

# stress-ng and the packages that hold the libraries it is linked with. Named one by one:
# what these depend on in turn (Mesa, LLVM) is for a screen and twenty times as large.
assets_stress_packages='stress-ng libc6 libgcc-s1 libstdc++6 libacl1 libapparmor1 libbsd0 libmd0
    libcrypt1 libdrm2 libegl1 libglvnd0 libgbm1 libgles2 libgmp10 libjpeg62-turbo libjudydebian1
    libssl3t64 libkmod2 libmpfr6 libsctp1 libxxhash0 zlib1g libzstd1 libexpat1'

# 64 MiB of ext4 with busybox and stress-ng, which the test's init finds intact by its sum.
assets_stress()
{
    assets_root=$assets_work/root
    assets_skeleton "$assets_root"
    mkdir -p "$assets_root/usr/bin"
    # shellcheck disable=SC2086
    apt_unpack "$assets_work/packages" "$assets_suite" "$assets_guest" $assets_stress_packages
    cp "$assets_work/packages/usr/bin/stress-ng" "$assets_root/usr/bin/stress-ng"
    assets_libraries "$assets_work/packages" "$assets_root" usr/bin/stress-ng
    (cd "$assets_root" && sha256sum usr/bin/stress-ng >etc/data.sha256)
    assets_ext4 "$assets_root" 64M stress.ext4
}

# assets_libraries PACKAGES ROOT PROGRAM: copies the loader and the libraries that ROOT/PROGRAM
# is linked with, and those they are linked with, from the unpacked packages.
assets_libraries()
{
    assets_from=$1/usr/lib/$assets_libs
    assets_to=$2/lib/$assets_libs
    mkdir -p "$assets_to"
    cp "$assets_from/$assets_loader" "$2/lib/"
    assets_todo=$2/$3
    while [ -n "$assets_todo" ]; do
        # shellcheck disable=SC2086
        assets_needed=$(readelf -d $assets_todo |
            sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p' | sort -u)
        assets_todo=
        for assets_file in $assets_needed; do
            [ ! -e "$assets_to/$assets_file" ] || continue
            [ -e "$assets_from/$assets_file" ] || die "no package of $3 holds $assets_file"
            cp "$assets_from/$assets_file" "$assets_to/"
            assets_todo="$assets_todo $assets_to/$assets_file"
        done
    done
}

# UEFI with empty variables, GRUB for it, and U-Boot. What is zero takes no place.
assets_firmware_arm64()
{
    apt_unpack "$assets_work/root" "$assets_suite" "$assets_guest" qemu-efi-aarch64 u-boot-qemu \
        grub-efi-arm64-unsigned
    for assets_file in AAVMF_CODE.fd AAVMF_VARS.fd; do
        cp -L --sparse=always "$assets_work/root/usr/share/AAVMF/$assets_file" "$assets_work/" ||
            die "qemu-efi-aarch64 has no $assets_file"
        assets_put "$assets_work/$assets_file" "$assets_file"
    done
    assets_put "$assets_work/root/usr/lib/grub/arm64-efi/monolithic/grubaa64.efi" grubaa64.efi
    assets_put "$assets_work/root/usr/lib/u-boot/qemu_arm64/u-boot.bin" u-boot.bin
}

assets_firmware()
{
    if [ "$assets_guest" = arm64 ]; then
        assets_firmware_arm64
        return
    fi
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
    apt_root "$qemu10_root.new" "$assets_suite" amd64 qemu-system-arm qemu-system-riscv \
        qemu-user qemu-utils
    mkdir -p "$qemu10_root.new/run"
    for assets_program in qemu-riscv64 qemu-aarch64 qemu-x86_64 qemu-system-riscv64 \
        qemu-system-aarch64; do
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
    if [ "${1:-}" = --arch ]; then
        [ $# -gt 1 ] || die "--arch needs one: riscv64 or arm64"
        assets_for "$2"
        shift 2
    fi
    if [ "${1:-}" = --print ]; then
        assets_print
        return 0
    fi
    # shellcheck disable=SC2086
    [ $# -gt 0 ] || set -- $assets_default
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
        stress) assets_make stress "$assets_self" "$guest_files/root.init" -- assets_stress ;;
        qemu10) assets_make qemu10 2 -- assets_qemu10 ;;
        *) die "no asset \"$assets_wanted\": kernel, initramfs, rootfs, firmware, qemu10 or stress" ;;
        esac
    done
}
