"""lintlib.py - what the lints share: finding files, stripping comments, reporting."""

import os
import re
import sys

SKIPPED_DIRS = {".git", ".cache", "__pycache__", ".vscode"}


def root():
    """The tree to look at: the argument, or the one this file lies in."""
    if len(sys.argv) > 1:
        return os.path.abspath(sys.argv[1])
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def files(top, below=("",), suffixes=None):
    """Paths, relative to top and sorted, of the source files below these folders."""
    found = []
    for start in below:
        for folder, dirs, names in os.walk(os.path.join(top, start).rstrip("/")):
            dirs[:] = [d for d in dirs if d not in SKIPPED_DIRS
                       and not (os.path.normpath(folder) == top and d.startswith("build"))]
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), top)
                if os.path.islink(os.path.join(top, path)) or path == ".git":
                    continue
                if suffixes is None or name.endswith(suffixes):
                    found.append(path)
    return sorted(set(found))


def read(top, path):
    """A file's text, or None when it is binary."""
    with open(os.path.join(top, path), "rb") as f:
        data = f.read()
    if b"\0" in data:
        return None
    return data.decode("utf-8", errors="replace")


COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_only(text, keep_strings=True):
    """The text without its comments (and strings), every line where it was."""
    def blank(match):
        token = match.group(0)
        if token[0] != "/" and keep_strings:
            return token
        return re.sub(r"[^\n]", " ", token)
    return COMMENT.sub(blank, text)


def finish(faults):
    """Prints the faults and ends the program with the status they deserve."""
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)
