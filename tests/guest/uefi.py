"""uefi.py - UEFI (Debian's AAVMF) in the machine's flash: its own drivers and its shell, variables
that stay, and Debian's kernel by GRUB from a disk and as given by --kernel.

Cases of boot.py. EDK2's drivers of flash, fw_cfg, PCI Express, virtio, the serial port and the
clock are another source than U-Boot's and Linux's.
"""

import os
import re
import struct
import subprocess
import tempfile

from vm import GUEST, Machine, asset, check, linux_args

SECTOR = 512
COLOUR = re.compile(r"\x1b\[[0-9;=]*[A-Za-z]")
MIB = 1 << 20
GUID = "2b4c1c7e-7d6a-4f0b-9a53-0d8e5f6a7b11"  # of variables of this test
GRUB_CFG = """set timeout=0
linux /IMAGE console=%s vmtest=shell booted=grub
initrd /INITRD
boot
"""


def variables(scratch):
    """A copy of the variables that firmware begins with; what is zero takes no place."""
    path = os.path.join(scratch, "vars.fd")
    subprocess.run(["cp", "--sparse=always", asset("AAVMF_VARS.fd"), path], check=True)
    return path


def firmware_args(vars_file):
    return [*GUEST.options, "--firmware", asset("AAVMF_CODE.fd"), "--firmware-vars", vars_file,
            "--memory", "512M"]


# --- a disk with an EFI system partition ---


def fat16(tree, sectors):
    """A FAT16 volume of 4 KiB clusters. tree: names of 8.3, of bytes or of trees."""
    cluster = 8 * SECTOR
    fat_sectors = (sectors // 8 * 2 + SECTOR - 1) // SECTOR + 1
    data, fat = [], [0xfff8, 0xffff]

    def put(content):
        """The number of the first cluster, whose chain takes these bytes."""
        if not content:
            return 0
        first = len(fat)
        count = (len(content) + cluster - 1) // cluster
        fat.extend([*range(first + 1, first + count), 0xffff])
        data.append(content.ljust(count * cluster, b"\0"))
        return first

    def entry(name, attributes, first, size):
        stem, _, extension = name.partition(".")
        return struct.pack("<8s3sB14xHI", stem.ljust(8).encode(), extension.ljust(3).encode(),
                           attributes, first, size)

    def folder(node):
        out = b""
        for name, child in node.items():
            if isinstance(child, dict):
                out += entry(name, 0x10, put(entry(".", 0x10, 0, 0) + entry("..", 0x10, 0, 0) +
                                             folder(child)), 0)
            else:
                out += entry(name, 0x20, put(child), len(child))
        return out

    root = folder(tree).ljust(SECTOR * 32, b"\0")
    boot = struct.pack("<3s8sHBHBHHBHHHIIBBBI11s8s", b"\xeb\x3c\x90", b"VMTEST  ", SECTOR, 8, 1, 1,
                       512, 0, 0xf8, fat_sectors, 63, 255, 2048, sectors, 0x80, 0, 0x29, 1,
                       b"ESP        ", b"FAT16   ").ljust(510, b"\0") + b"\x55\xaa"
    table = struct.pack("<%dH" % len(fat), *fat).ljust(fat_sectors * SECTOR, b"\0")
    return boot + table + root + b"".join(data)


def boot_disk(scratch):
    """A disk as removable media have it: firmware finds GRUB by its name."""
    disk = os.path.join(scratch, "efi.disk")

    def content(name):
        with open(asset(name), "rb") as file:
            return file.read()
    tree = {"EFI": {"BOOT": {"BOOTAA64.EFI": content("grubaa64.efi")},
                    "DEBIAN": {"GRUB.CFG": (GRUB_CFG % GUEST.console).encode()}},
            "IMAGE": content("Image"), "INITRD": content("initrd.cpio.zst")}
    sectors = 96 * MIB // SECTOR
    with open(disk, "wb") as file:
        file.seek(446)  # one partition, of the type EFI System
        file.write(struct.pack("<B3xB3xII", 0, 0xef, MIB // SECTOR, sectors))
        file.seek(510)
        file.write(b"\x55\xaa")
        file.seek(MIB)
        file.write(fat16(tree, sectors))
        file.truncate(97 * MIB)
    return disk


# --- cases ---


def to_shell(m):
    m.expect("UEFI Interactive Shell")
    m.expect("seconds to skip")
    m.type("\r")
    m.expect("Shell> ")


def command(m, text):
    m.type(text + "\r")
    return COLOUR.sub("", m.expect("Shell> ").replace("\r", ""))


def power_off(m):
    m.type("reset -s\r")
    m.finish(0)


def uefi_shell(engine, extra=()):
    """Firmware finds its disk; a variable that is written is there at the next power-on, and with
    other variables it is not."""
    with tempfile.TemporaryDirectory() as scratch:
        kept = variables(scratch)
        disk = os.path.join(scratch, "disk")
        with open(disk, "wb") as file:
            file.truncate(MIB)
        args = firmware_args(kept) + ["--engine", engine, "--disk", disk, *extra]
        with Machine(args) as m:
            to_shell(m)
            check("BLK0" in command(m, "map"), "UEFI sees no disk")
            command(m, "setvar VmTest -guid %s -nv -bs =0x12345678" % GUID)
            power_off(m)
        with Machine(args) as m:
            to_shell(m)
            seen = command(m, "setvar VmTest -guid %s" % GUID)
            check("78 56 34 12" in seen, "the variable is not what was written: " + seen)
            power_off(m)
        os.remove(kept)
        with Machine(firmware_args(variables(scratch)) + ["--engine", engine]) as m:
            to_shell(m)
            seen = command(m, "setvar VmTest -guid %s" % GUID)
            check("Unable to get" in seen, "a variable of another machine: " + seen)
            power_off(m)


def ready(m, cpus):
    m.expect("vm-init: ready (%s, %d cpus)" % (GUEST.uname, cpus))
    m.expect("vm# ")
    check("efi" in m.shell("ls /sys/firmware"), "Linux knows nothing of UEFI")


def linux_power_off(m):
    m.type("exit\n")
    m.expect("reboot: Power down")
    m.finish(0)


def uefi_grub(bus, engine, cpus, extra=()):
    """Firmware, GRUB, Linux, all from the disk, which Linux then has too."""
    with tempfile.TemporaryDirectory() as scratch:
        args = firmware_args(variables(scratch)) + [
            "--disk", "%s,bus=%s" % (boot_disk(scratch), bus), "--engine", engine,
            "--cpus", str(cpus), *extra]
        with Machine(args) as m:
            ready(m, cpus)
            check("booted=grub" in m.shell("cat /proc/cmdline"), "another way than by GRUB")
            check("vda1" in m.shell("cat /proc/partitions"), "Linux sees no partition")
            linux_power_off(m)


def uefi_kernel(engine, extra=()):
    """Firmware starts the kernel that is given with it."""
    args = linux_args() + ["--firmware", asset("AAVMF_CODE.fd"), "--engine", engine, *extra]
    with Machine(args) as m:
        ready(m, 1)
        linux_power_off(m)
