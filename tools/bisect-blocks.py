#!/usr/bin/env python3
"""bisect-blocks.py COMMAND... - finds the block of guest code that the JIT translates wrongly.

One word of COMMAND has BLOCKS in it, which is replaced by ranges for --base-blocks:

    tools/bisect-blocks.py vm-cli run --deterministic --base-blocks BLOCKS --kernel Image ...

COMMAND succeeds (status 0) when the guest does as it should, and fails when it does not: where
vm-cli's own status does not tell, it is a script that looks at what the guest prints. It must do
so reproducibly, for which --deterministic is there; the command is tried with the interpreter alone
first. Ranges 0-N are doubled until it fails, then the smallest N is found by halving.
"""

import re
import subprocess
import sys

# More blocks than any guest has.
ALL, NONE = "0-%d" % (2**63 - 1), "%d-%d" % (2**63 - 1, 2**63 - 1)


class BisectError(Exception):
    """Why no block can be found, in one sentence."""


def run(command, blocks):
    return subprocess.run([word.replace("BLOCKS", blocks) for word in command], check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def good(command, blocks):
    status = run(command, blocks).returncode
    print("%s: %s" % (blocks, "fails (status %d)" % status if status else "good"), flush=True)
    return status == 0


def first_bad(command):
    """The smallest N with which 0-N fails."""
    if not any("BLOCKS" in word for word in command):
        raise BisectError("no word of the command has BLOCKS in it")
    if not good(command, NONE):
        raise BisectError("the command fails without any translated block, too")
    if good(command, ALL):
        raise BisectError("the command does not fail with all blocks translated")
    bad = 0
    while good(command, "0-%d" % bad):
        bad = bad * 2 + 1
    lowest = (bad + 1) // 2  # 0-(lowest - 1) is good
    while lowest < bad:
        middle = (lowest + bad) // 2
        if good(command, "0-%d" % middle):
            lowest = middle + 1
        else:
            bad = middle
    return bad


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip())
        return 2
    command = sys.argv[1:]
    try:
        bad = first_bad(command)
    except BisectError as why:
        print("bisect-blocks: %s" % why, file=sys.stderr)
        return 1
    print("first bad block: %d" % bad)
    at = next(i for i, word in enumerate(command) if "BLOCKS" in word)
    said = run(command[:at + 1] + ["--trace", "block"] + command[at + 1:], "0-%d" % bad).stdout
    line = re.search(r"trace block: %d at .*" % bad, said.decode(errors="replace"))
    if line:
        print(line.group())
    return 0


if __name__ == "__main__":
    sys.exit(main())
