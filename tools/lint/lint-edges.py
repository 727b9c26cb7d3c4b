#!/usr/bin/env python3
"""lint-edges.py [ROOT] - includes follow the table of edges in edges.txt."""

import os
import re

import lintlib

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def read_table():
    """{folder: [allowed prefixes]} of edges.txt."""
    table = {}
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "edges.txt"),
              encoding="utf-8") as lines:
        for line in lines:
            line = line.split("#")[0].strip()
            if line:
                who, whom = line.split(":", 1)
                table[who] = whom.split()
    return table


def below(path, prefix):
    return path == prefix or path.startswith(prefix + "/")


def rule_for(path, table):
    fitting = [who for who in table if who != "open" and below(path, who)]
    return max(fitting, key=len) if fitting else None


def accel_exception(path, target):
    """engine/accel/X/ARCH.c may read the state of its guest architecture."""
    match = re.fullmatch(r"engine/accel/[^/]+/([^/]+)\.c", path)
    return bool(match) and target == "isa/%s/state.h" % match.group(1)


def src_fault(top, path, target, table):
    """Why src/path may not include target, or None."""
    if "/" not in target or not os.path.isdir(os.path.join(top, "src", target.split("/")[0])):
        return None  # the file's own folder, a generated file or the system's
    who = rule_for(path, table)
    if who is None:
        return "src/%s lies in no folder of tools/lint/edges.txt" % path
    # base, host and state are open to others, but not to one another.
    allowed = table[who] + ([] if who in table["open"] else table["open"])
    if "*" in allowed or below(target, who) or accel_exception(path, target):
        return None
    if any(below(target, prefix) for prefix in allowed):
        return None
    return "%s may include only %s, not %s" % (who, " ".join([who] + allowed), target)


def main():
    top = lintlib.root()
    table = read_table()
    faults = []
    for path in lintlib.files(top, ("src", "apps", "include"), (".c", ".h", ".cc", ".inc", ".def")):
        text = lintlib.code_only(lintlib.read(top, path) or "")
        for match in INCLUDE.finditer(text):
            quote, target = match.groups()
            line = text.count("\n", 0, match.start()) + 1
            fault = None
            if path.startswith("src/"):
                fault = src_fault(top, path[len("src/"):], target, table) if quote == '"' else None
            elif quote == '"' and os.path.exists(os.path.join(top, "src", target)):
                fault = "%s may include only include/vm, not src/%s" % (path.split("/")[0], target)
            elif ".." in target.split("/"):
                fault = "an include path goes up: %s" % target
            if fault:
                faults.append("%s:%d: %s" % (path, line, fault))
    lintlib.finish(faults)


if __name__ == "__main__":
    main()
