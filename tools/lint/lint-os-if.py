#!/usr/bin/env python3
"""lint-os-if.py [ROOT] - #if on the host's OS or CPU only in src/host.

Elsewhere the build chooses OS-specific files. Tests are free to look.
"""

import re

import lintlib

CONDITION = re.compile(r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif)\b[^\n]*", re.M)
SYSTEM = re.compile(
    r"\b(__linux__|__linux|__unix__|_WIN32|_WIN64|WIN32|__MINGW\w*|__APPLE__|__MACH__|__FreeBSD__|"
    r"__x86_64__|__amd64__|__i386__|__aarch64__|__arm__|__riscv\w*|_M_X64|_M_ARM64)\b")


def main():
    top = lintlib.root()
    faults = []
    for path in lintlib.files(top, ("src", "apps"), (".c", ".h", ".inc", ".def")):
        if path.startswith("src/host/"):
            continue
        text = lintlib.code_only(lintlib.read(top, path) or "").replace("\\\n", "  ")
        for match in CONDITION.finditer(text):
            name = SYSTEM.search(match.group(0))
            if name:
                line = text.count("\n", 0, match.start()) + 1
                faults.append("%s:%d: #if on %s outside src/host" % (path, line, name.group(1)))
    lintlib.finish(faults)


if __name__ == "__main__":
    main()
