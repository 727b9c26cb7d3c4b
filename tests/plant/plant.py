#!/usr/bin/env python3
"""plant.py SOURCE SCRATCH [PATTERN]... - proves that the tests can fail.

Copies the source tree into SCRATCH, builds it there, and makes sure that the tests that
faults.py names pass. Then it plants one fault after the other in the copy, builds what its
test needs, and wants that test to turn red. PATTERN: only faults with such a name.
"""

import fnmatch
import json
import os
import platform
import shutil
import subprocess
import sys

from faults import FAULTS

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "guest"))

from vm import Skip, Tap, asset, check  # noqa: E402

NEEDS = {
    "qemu10": lambda: (asset("qemu-riscv64-10"), asset("qemu-system-riscv64-10")),
    "kernel": lambda: asset("Image"),
    "x86_64": lambda: need(platform.machine() == "x86_64", "the host is no x86_64"),
}


def need(there, reason):
    if not there:
        raise Skip(reason)


def run(argv, **more):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", **more)


class Copy:
    """A copy of the source tree and its build."""

    def __init__(self, source, scratch):
        self.tree = os.path.join(scratch, "tree")
        self.build = os.path.join(self.tree, "build")  # relative paths as in the original's
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(source, self.tree, symlinks=True, ignore=lambda folder, names: [
            name for name in names if name in (".git", "__pycache__") or
            (folder == source and name.startswith("build"))])
        # The build of the copy shares the compiler's cache with the original's.
        self.env = dict(os.environ, CCACHE_BASEDIR=self.tree, CCACHE_NOHASHDIR="1")
        self.env.pop("VM_SOAK", None)  # faults show in the short counts
        if "CC" not in self.env and shutil.which("ccache"):
            self.env["CC"] = "ccache gcc"

    def must(self, argv):
        done = run(argv, env=self.env)
        check(done.returncode == 0, "%s:\n%s" % (" ".join(argv), done.stdout[-3000:]))
        return done.stdout

    def set_up(self):
        self.must(["meson", "setup", self.build, self.tree])
        self.must(["ninja", "-C", self.build])

    def introspect(self, what):
        return json.loads(self.must(["meson", "introspect", "--" + what, self.build]))

    def targets_of(self, test):
        """What the test's program is linked from; for a script everything: []."""
        row = next((t for t in self.introspect("tests") if t["name"] == test), None)
        check(row, "there is no test %s" % test)
        if os.path.relpath(row["cmd"][0], self.build).startswith(".."):
            return []
        files = {t["id"]: t["filename"] for t in self.introspect("targets")}
        return [os.path.relpath(name, self.build)
                for target in row["depends"] for name in files[target]]

    def passes(self, test):
        """Runs the test; returns whether it passed and what it printed."""
        done = run(["meson", "test", "-C", self.build, "--no-rebuild", "--print-errorlogs", test],
                   env=self.env)
        with open(os.path.join(self.build, "meson-logs", "testlog.json"), encoding="utf-8",
                  errors="replace") as log:
            result = json.loads(log.readline())["result"]
        check(result in ("OK", "FAIL", "ERROR"), "%s ended with %s" % (test, result))
        return result == "OK", done.stdout


def sound(copy, test):
    passed, text = copy.passes(test)
    check(passed, text[-3000:])


def replace(path, old, new):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    check(text.count(old) == 1, "%s has this text %d times, not once:\n%s" % (
        path, text.count(old), old))
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))
    return text


def found(copy, fault):
    path = os.path.join(copy.tree, fault.file)
    for what in fault.needs:
        NEEDS[what]()
    text = replace(path, fault.old, fault.new)
    try:
        copy.must(["ninja", "-C", copy.build] + copy.targets_of(fault.test))
        passed, _ = copy.passes(fault.test)
        check(not passed, "%s did not notice" % fault.test)
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def wanted(fault, patterns):
    return not patterns or any(fnmatch.fnmatch(fault.name, p) for p in patterns)


def main():
    tap = Tap()
    faults = [f for f in FAULTS if wanted(f, sys.argv[3:])]
    copy = Copy(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]))
    tap.case("the copy builds", copy.set_up)
    for test in sorted({f.test for f in faults}) if not tap.failed else []:
        tap.case("%s passes without a fault" % test, sound, copy, test)
    for fault in faults if not tap.failed else []:
        tap.case("%s: %s turns red" % (fault.name, fault.test), found, copy, fault)
    shutil.rmtree(os.path.dirname(copy.tree), ignore_errors=True)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
