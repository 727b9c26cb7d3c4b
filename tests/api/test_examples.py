#!/usr/bin/env python3
"""test_examples.py - runs the C and C++ examples of libvm on a real kernel.

    test_examples.py PROGRAM...

The guest files are those of `./dev assets`; without them the tests skip.
"""
import os
import subprocess
import sys
import tempfile

CACHE = os.environ.get("VM_DEV_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "vm-dev")
ASSETS = os.path.join(CACHE, "assets", "riscv64")


def main():
    """Prints TAP."""
    kernel, initrd = (os.path.join(ASSETS, name) for name in ("Image", "initrd.cpio"))
    failed = 0
    print(f"1..{len(sys.argv) - 1}", flush=True)
    for number, program in enumerate(sys.argv[1:], 1):
        name = os.path.basename(program)
        if not (os.path.exists(kernel) and os.path.exists(initrd)):
            print(f"ok {number} - {name} # SKIP no guest files: run ./dev assets")
            continue
        with tempfile.TemporaryDirectory() as folder:
            state = os.path.join(folder, "state")
            got = subprocess.run([program, kernel, initrd, "Run /init", state], timeout=1200,
                                 capture_output=True, text=True, check=False)
        good = (got.returncode == 0 and got.stdout.splitlines() == [
            "first machine: paused at the text", "first machine: powered off",
            "second machine: powered off"])
        for line in (got.stdout + got.stderr).splitlines():
            print(f"# {line}")
        print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
        failed += not good
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
