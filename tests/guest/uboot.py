"""uboot.py - U-Boot's own drivers use the machine's devices, and it boots Linux from a disk.

Cases of boot.py. U-Boot knows virtio, PCI Express, the disk and the network from a source
that is not Linux's, and polls where Linux takes interrupts.
"""

import os
import shutil
import struct
import subprocess
import tempfile
import zlib

from vm import GUEST, Machine, asset, check

SECTOR = 512
MIB = 1 << 20
BUFFER = GUEST.ram + 64 * MIB
FIRST_SECTOR, SECTORS = 0x17000, 0x400
EXTLINUX = """default vm
label vm
  kernel /Image
  initrd /initrd
  append console=%s vmtest=shell
""" % GUEST.console


def firmware_args():
    """U-Boot after OpenSBI, or alone in flash."""
    if GUEST.firmware == "opensbi":
        files = ["--firmware", asset("fw_dynamic.bin"), "--kernel", asset("u-boot.bin")]
    else:
        files = ["--firmware", asset("u-boot.bin")]
    return [*GUEST.options, *files, "--memory", "512M"]


def numbers_crc():
    return "%08x" % zlib.crc32("".join("%d\n" % i for i in range(1, 300001)).encode())


def command(m, text):
    """Types a command; returns what U-Boot printed for it."""
    m.type(text + "; echo status $?.\n")
    m.expect("\n")
    printed = m.expect("status ")
    check(m.expect(".") == "0", "U-Boot: %s:\n%s" % (text, printed))
    m.expect("=> ")
    return printed.replace("\r", "")


def reads_disk(m):
    check("Type: Hard Disk" in command(m, "virtio info"), "U-Boot sees no disk")
    printed = command(m, "ext4load virtio 0 %#x /data/numbers && crc32 %#x $filesize" % (
        BUFFER, BUFFER))
    check("==> " + numbers_crc() in printed, "U-Boot read other data from the disk: " + printed)


def writes_disk(m):
    size = SECTORS * SECTOR
    command(m, "mw.l %#x 0x1badcafe %#x" % (BUFFER, size // 4))
    command(m, "virtio write %#x %#x %#x" % (BUFFER, FIRST_SECTOR, SECTORS))
    other = BUFFER + 16 * MIB
    command(m, "virtio read %#x %#x %#x" % (other, FIRST_SECTOR, SECTORS))
    command(m, "cmp.b %#x %#x %#x" % (BUFFER, other, size))


def uses_network(m):
    printed = command(m, "setenv autoload no; dhcp && ping 10.0.2.2")
    check("bound to address 10.0.2.15" in printed and "10.0.2.2 is alive" in printed,
          "U-Boot's network: " + printed)


def uboot_devices(bus, engine):
    """Disk read through its ext4, written and read back; an address by DHCP, and a ping."""
    with tempfile.TemporaryDirectory() as scratch:
        disk = os.path.join(scratch, "root.ext4")
        shutil.copyfile(asset("root.ext4"), disk)
        with Machine(firmware_args() + ["--disk", "%s,bus=%s" % (disk, bus), "--net",
                                        "user,bus=" + bus, "--engine", engine]) as m:
            m.expect("U-Boot 20")
            m.expect("Hit any key to stop autoboot")
            m.type("\n")
            m.expect("=> ")
            reads_disk(m)
            writes_disk(m)
            uses_network(m)
            m.type("poweroff\n")
            m.finish(0)
        with open(disk, "rb") as file:
            file.seek(FIRST_SECTOR * SECTOR)
            check(file.read(SECTORS * SECTOR) == b"\xfe\xca\xad\x1b" * (SECTORS * SECTOR // 4),
                  "what U-Boot wrote is not in the file")


def boot_disk(scratch):
    """A disk as an installer leaves it: a partition table, an ext4 with kernel and initrd."""
    tree, disk = os.path.join(scratch, "tree"), os.path.join(scratch, "boot.disk")
    os.makedirs(os.path.join(tree, "extlinux"))
    shutil.copyfile(asset("Image"), os.path.join(tree, "Image"))
    shutil.copyfile(asset("initrd.cpio.zst"), os.path.join(tree, "initrd"))
    with open(os.path.join(tree, "extlinux", "extlinux.conf"), "w", encoding="ascii") as file:
        file.write(EXTLINUX)
    size = 96 * MIB
    with open(disk, "wb") as file:
        file.truncate(size)
    env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-E", "offset=%d" % MIB, "-d", tree, disk,
                    "%dK" % ((size - MIB) >> 10)], check=True, env=env)
    with open(disk, "r+b") as file:
        file.seek(446)  # one partition, active, type Linux, from 1 MiB to the end
        file.write(struct.pack("<B3xB3xII", 0x80, 0x83, MIB // SECTOR, (size - MIB) // SECTOR))
        file.seek(510)
        file.write(b"\x55\xaa")
    return disk


def uboot_linux(bus, engine, cpus, extra):
    """U-Boot finds the kernel on the disk by itself, and Linux comes up under it."""
    with tempfile.TemporaryDirectory() as scratch:
        args = firmware_args() + [
            "--disk", "%s,bus=%s" % (boot_disk(scratch), bus), "--engine", engine,
            "--cpus", str(cpus), *extra]
        with Machine(args) as m:
            m.expect("Hit any key to stop autoboot")
            m.expect("Retrieving file: /Image")
            m.expect("Starting kernel ...")
            m.expect("vm-init: ready (%s, %d cpus)" % (GUEST.uname, cpus))
            m.expect("vm# ")
            check("vda1" in m.shell("cat /proc/partitions"), "Linux sees no partition")
            m.type("exit\n")
            m.expect("reboot: Power down")
            m.finish(0)
