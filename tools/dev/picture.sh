# picture.sh - ./dev picture: boots the guest of ./dev debian, types a few lines, and draws
# what the terminal showed as docs/boot.svg.
# shellcheck shell=sh

picture_main()
{
    deps_install build assets
    build_main
    with_lock assets assets_main kernel initramfs
    python3 "$top/tools/dev/picture.py" "$top/docs/boot.svg" "$build/bin/vm-cli" run \
        --kernel "$assets_dir/Image" --initrd "$assets_dir/initrd.cpio.zst" --memory 1G \
        --append "console=ttyS0 quiet vmnet=dhcp" --net user
    say "drew docs/boot.svg"
}
