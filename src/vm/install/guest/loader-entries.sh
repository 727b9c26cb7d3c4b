#!/bin/sh
# Keeps /boot/loader/entries (Boot Loader Specification) in step with the kernels in /boot,
# after one was installed or removed. The virtual machine starts the newest.
set -eu
[ -d /boot/loader/entries ] || mkdir -p /boot/loader/entries
id=$(cat /etc/machine-id)
options=$(cat /etc/kernel/cmdline)
for kernel in /boot/vmlinux-* /boot/vmlinuz-*; do
    [ -f "$kernel" ] || continue
    version=${kernel#/boot/vmlinu?-}
    entry=/boot/loader/entries/$version.conf
    {
        printf 'title      Debian GNU/Linux (%s)\n' "$version"
        printf 'version    %s\nmachine-id %s\nsort-key   debian\n' "$version" "$id"
        printf 'linux      /%s\n' "${kernel#/boot/}"
        [ ! -f "/boot/initrd.img-$version" ] || printf 'initrd     /initrd.img-%s\n' "$version"
        printf 'options    %s\n' "$options"
    } >"$entry.new"
    mv "$entry.new" "$entry"
done
for entry in /boot/loader/entries/*.conf; do
    [ -f "$entry" ] || continue
    version=${entry##*/}
    version=${version%.conf}
    [ -f "/boot/vmlinux-$version" ] || [ -f "/boot/vmlinuz-$version" ] || rm -f "$entry"
done
