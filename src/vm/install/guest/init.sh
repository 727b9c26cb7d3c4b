#!/bin/sh
# init.sh - process 1 of the initramfs in which an installation is finished: loads the disk's
# drivers, mounts the new system and runs its second stage in it.
export PATH=/bin:/usr/bin:/sbin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1

leave()
{
    echo "vm-install: failed $*"
    sync
    poweroff -f
}

while read -r module; do
    insmod "/modules/$module" || leave "the kernel does not take its module $module"
done </modules/order
tries=0
while [ ! -b /dev/vda2 ]; do
    [ "$tries" -lt 300 ] || leave "the kernel does not see its disk"
    tries=$((tries + 1))
    sleep 0.1
done
mount -t ext4 -o rw /dev/vda2 /target || leave "the root file system cannot be mounted"
mount -t ext4 -o rw /dev/vda1 /target/boot || leave "the file system /boot cannot be mounted"
mount -t proc proc /target/proc
mount -t sysfs sys /target/sys
mount -t devtmpfs dev /target/dev
mkdir -p /target/dev/pts
mount -t devpts devpts /target/dev/pts
mount -t tmpfs run /target/run
mount -t tmpfs tmp /target/tmp
# Without it, all is done: the machine was ended in the last moment of an earlier run.
if [ -e /target/var/lib/vm-install/stage2 ]; then
    chroot /target /bin/sh /var/lib/vm-install/stage2 || leave "the second stage ended with an error"
fi
echo "vm-install: hostkey $(cat /target/etc/ssh/ssh_host_ed25519_key.pub)"
umount /target/boot /target/dev/pts /target/dev /target/run /target/tmp /target/sys /target/proc
# Read-only, so that nothing is left in a journal.
umount /target || mount -o remount,ro /target || leave "the root file system is still in use"
echo "vm-install: complete"
sync
poweroff -f
