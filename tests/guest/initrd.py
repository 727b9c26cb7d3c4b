"""initrd.py - the test initramfs with more in it: drivers of the test kernel, programs of a test."""

import glob
import lzma
import os

from vm import Skip, asset


def module(name):
    """A driver of the test kernel, unpacked."""
    pattern = os.path.join(os.path.dirname(asset("Image")),
                           "kernel/usr/lib/modules/*/kernel/**", name + ".ko.xz")
    found = glob.glob(pattern, recursive=True)
    if not found:
        raise Skip("the kernel's modules are not unpacked: ./dev assets kernel")
    with lzma.open(found[0]) as file:
        return file.read()


def _entry(path, mode, content):
    head = "070701" + "".join("%08x" % field for field in (
        1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path) + 1, 0))
    text = head.encode() + path.encode() + b"\0"
    text += bytes(-len(text) % 4) + content
    return text + bytes(-len(text) % 4)


def initrd_with(path, files):
    """Writes an initramfs to path: the test's, and {name: (mode, bytes)} in its root folder."""
    with open(asset("initrd.cpio"), "rb") as first:
        data = first.read()
    data += bytes(-len(data) % 4)
    for name, (mode, content) in files.items():
        data += _entry(name, 0o100000 | mode, content)
    with open(path, "wb") as out:
        out.write(data + _entry("TRAILER!!!", 0, b""))
