# debian.sh - ./dev debian [OPTION]...: boots Debian's own riscv64 kernel to a shell on
# this terminal. More options go to `vm-cli run`, after those given here.
# shellcheck shell=sh

debian_main()
{
    deps_install build assets
    build_main
    with_lock assets assets_main kernel initramfs rootfs
    debian_disk=$cache/debian.ext4
    # The guest may write to its disk; a fresh copy is made when there is none.
    [ -f "$debian_disk" ] || cp --sparse=always "$assets_dir/root.ext4" "$debian_disk"
    say "starting Debian's riscv64 kernel $(cat "$assets_dir/kernel.version")"
    say "leave by \"exit\" in the guest, or by the keys Ctrl-A x"
    exec "$build/bin/vm-cli" run --arch riscv64 --memory 1G \
        --kernel "$assets_dir/Image" --initrd "$assets_dir/initrd.cpio.zst" \
        --append "console=ttyS0 quiet vmnet=dhcp" \
        --disk "$debian_disk" --net user "$@"
}
