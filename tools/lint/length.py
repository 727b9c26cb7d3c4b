#!/usr/bin/env python3
"""length.py [ROOT] - a report, not a verdict: long files and long functions."""

import re

import lintlib

OPEN = re.compile(r"^([A-Za-z_].*\b(\w+)\s*\([^;]*)$")


def functions(text):
    """(name, lines) of each function whose brace stands alone in column 0."""
    name, start = None, None
    for number, line in enumerate(text.split("\n")):
        match = OPEN.match(line)
        if match and start is None:
            name = re.sub(r"\(.*", "", line).split()[-1].lstrip("*")
        if line == "{" and start is None:
            start = number
        elif line == "}" and start is not None:
            yield name, number - start - 1
            start = None


def main():
    top = lintlib.root()
    lengths, long_files, long_functions = [], [], []
    for path in lintlib.files(top, ("src", "apps", "tools"), (".c", ".h")):
        text = lintlib.read(top, path) or ""
        lines = text.count("\n")
        if lines > 400:
            long_files.append((lines, path))
        for name, length in functions(text):
            lengths.append(length)
            if length > 45:
                long_functions.append((length, path, name))
    for lines, path in sorted(long_files, reverse=True):
        print("%5d lines: %s" % (lines, path))
    for length, path, name in sorted(long_functions, reverse=True):
        print("%5d lines: %s in %s" % (length, name, path))
    if lengths:
        lengths.sort()
        print("%d functions, median %d lines, 95th percentile %d"
              % (len(lengths), lengths[len(lengths) // 2], lengths[len(lengths) * 95 // 100]))


if __name__ == "__main__":
    main()
