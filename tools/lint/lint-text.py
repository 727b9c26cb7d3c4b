#!/usr/bin/env python3
"""lint-text.py [ROOT] - clean text: no space at a line's end, no tab in C, a newline at
the file's end; no path of one machine and no address of a package archive."""

import re
import subprocess

import lintlib

C_LIKE = (".c", ".h", ".inc", ".def", ".cc", ".py", ".build")
MACHINE_PATH = re.compile(r"(?<![\w.$}~])/(?:root|home|work|Users)/[\w.]+")
ARCHIVE = re.compile(r"\b(?:deb|ftp|archive|security|snapshot)\.(?:[a-z]{2}\.)?(?:debian|ubuntu)\.(?:org|com)"
                     r"|https?://[^\s\"']+/(?:debian|ubuntu)(?:/|\b(?=[\s\"']))")


def own_archives():
    """Host names of this machine's own package sources, which must not be written down."""
    try:
        done = subprocess.run(["apt-get", "indextargets", "--format", "$(SITE)"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError:
        return set()
    hosts = set()
    for site in done.stdout.split():
        match = re.match(r"[a-z+]+://(?:[^/@]*@)?([^/:]+)", site)
        if match and "." in match.group(1):
            hosts.add(match.group(1))
    return hosts


def faults_of(path, text, hosts):
    if text and not text.endswith("\n"):
        yield "%s: no newline at the end" % path
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            yield "%s:%d: space at the end of the line" % (path, number)
        if "\t" in line and path.endswith(C_LIKE):
            yield "%s:%d: tab" % (path, number)
        match = MACHINE_PATH.search(line)
        if match:
            yield "%s:%d: path of one machine: %s" % (path, number, match.group(0))
        match = ARCHIVE.search(line)
        if match:
            yield "%s:%d: address of a package archive: %s" % (path, number, match.group(0))
        for host in hosts:
            if host in line:
                yield "%s:%d: host name of a package archive" % (path, number)


def main():
    top = lintlib.root()
    hosts = own_archives()
    faults = []
    for path in lintlib.files(top):
        if path.startswith("tests/fuzz/corpus/") or path.startswith("tools/lint/"):
            continue
        text = lintlib.read(top, path)
        if text is not None:
            faults.extend(faults_of(path, text, hosts))
    lintlib.finish(faults)


if __name__ == "__main__":
    main()
