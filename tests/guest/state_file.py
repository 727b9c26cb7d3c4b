"""state_file.py - reads a saved machine, by src/state/format.h and nothing else.

For tests that look at what a machine holds: the file is a header and sections, each
checked by its CRC; a bytes section (RAM) is runs of pages, zero where there is none.
"""

import struct
import zlib

MAGIC = b"\x89VMS\r\n\x1a\n"
PAGE = 4096
HEADER = 32
SCALAR_SIZE = {0: 1, 1: 2, 2: 4, 3: 8, 4: 4, 5: 8, 6: 1}
SCALAR_CODE = {0: "B", 1: "H", 2: "I", 3: "Q", 4: "i", 5: "q", 6: "?"}
NESTED = 7


class Damaged(Exception):
    """The file is not what the format says."""


class Cursor:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, size):
        if self.at + size > len(self.data):
            raise Damaged("ends early")
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, code):
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0]

    def name(self):
        return self.take(self.number("B")).decode("ascii")


def _read_list(c):
    name, version, count = c.name(), c.number("I"), c.number("H")
    members = []
    for _ in range(count):
        member, kind, elements = c.name(), c.number("B"), c.number("I")
        members.append((member, kind, elements, _read_list(c) if kind == NESTED else None))
    return name, version, members


def _read_rows(c, members):
    row = {}
    for member, kind, count, nested in members:
        if kind == NESTED:
            row[member] = [_read_rows(c, nested[2]) for _ in range(count)]
        else:
            data = struct.unpack("<%d%s" % (count, SCALAR_CODE[kind]),
                                 c.take(count * SCALAR_SIZE[kind]))
            row[member] = data[0] if count == 1 else list(data)
    return row


class StateFile:
    """lists: section name -> members; runs: section name -> (size, {first page: bytes})."""

    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        if data[:8] != MAGIC or len(data) < HEADER:
            raise Damaged("no state file")
        _, sections, size = struct.unpack("<IIQ", data[8:24])
        if size != len(data) or zlib.crc32(data[:28]) != struct.unpack("<I", data[28:32])[0]:
            raise Damaged("header")
        self.lists, self.runs, self.order = {}, {}, []
        at = HEADER
        for _ in range(sections):
            length = struct.unpack("<Q", data[at:at + 8])[0]
            end = at + 8 + length
            if zlib.crc32(data[at:end]) != struct.unpack("<I", data[end:end + 4])[0]:
                raise Damaged("section at %d" % at)
            self._section(Cursor(data[at + 8:end]))
            at = end + 4

    def _section(self, c):
        kind, name = c.number("B"), c.name()
        self.order.append(name)
        if kind == 1:
            _, _, members = _read_list(c)
            self.lists[name] = _read_rows(c, members)
            return
        size, runs = c.number("Q"), {}
        while c.at < len(c.data):
            first, pages = c.number("Q"), c.number("Q")
            runs[first] = c.take(min(pages * PAGE, size - first * PAGE))
        self.runs[name] = (size, runs)

    def bytes_at(self, section, offset, size):
        """Bytes of a section, which must lie in one page."""
        page, within = divmod(offset, PAGE)
        for first, data in self.runs[section][1].items():
            if first <= page and (page - first) * PAGE < len(data):
                start = (page - first) * PAGE + within
                return data[start:start + size]
        return bytes(size)

    def differences(self, other):
        """Names of what is not equal in two files, as a list of short texts."""
        found = []
        if self.order != other.order:
            found.append("sections %s and %s" % (self.order, other.order))
        for name, members in self.lists.items():
            theirs = other.lists.get(name, {})
            for member, value in members.items():
                if theirs.get(member) != value:
                    found.append("%s.%s: %.120r and %.120r" % (name, member, value,
                                                               theirs.get(member)))
        for name, content in self.runs.items():
            if other.runs.get(name) != content:
                found.append("%s: %s" % (name, self._first_page(other, name)))
        return found

    def _first_page(self, other, name):
        if name not in other.runs or self.runs[name][0] != other.runs[name][0]:
            return "another size"
        bad = [page for page in range(self.runs[name][0] // PAGE + 1)
               if self.bytes_at(name, page * PAGE, PAGE) != other.bytes_at(name, page * PAGE, PAGE)]
        return "%d pages, the first at offset %#x" % (len(bad), bad[0] * PAGE if bad else 0)
