#!/usr/bin/env python3
"""test_cli_verbose.py - `vm-cli run -v` says more, and every text made of the options has it.

    test_cli_verbose.py VM-CLI

The guest resets itself for ever; that it does is said with -v only.
"""
import os
import struct
import subprocess
import sys
import tempfile

from results import report

# lui a0, 0x100; lui a1, 7; addi a1, a1, 0x777; sw a1, 0(a0); j .
RESET = struct.pack("<5I", 0x00100537, 0x000075b7, 0x77758593, 0x00b52023, 0x0000006f)
TEXTS = [(["run", "--help"], "-v, --verbose"), (["list", "--help"], "-v, --verbose"),
         (["generate", "man"], r'.BR \-v ", " "\-\-verbose'), (["generate", "bash"], "--verbose -v"),
         (["generate", "zsh"], "'(-v --verbose)'{-v,--verbose}'["),
         (["generate", "fish"], "-l verbose -s v")]


def kernel(path):
    """A one-segment ELF program."""
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 243, 1, 0x80000000, 64, 0, 0,
                         64, 56, 1, 64, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 120, 0x80000000, 0x80000000, len(RESET), len(RESET), 4)
    with open(path, "wb") as out:
        out.write(header + segment + RESET)


def first_line(program, options, folder):
    """What is said first: that the guest reset or, after many resets, that its state is saved."""
    kernel(os.path.join(folder, "kernel"))
    command = [program, "run", "--kernel", "kernel", "--memory", "64M", "--console", "none",
               "--save-state", "state,at=insns:1000"] + options
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          cwd=folder) as process:
        line = process.stderr.readline().strip()
        process.kill()
    return line


def main():
    """Prints TAP."""
    program = os.path.abspath(sys.argv[1])
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for options, want in (([], "vm-cli: state saved to state"),
                              (["-v"], "the guest reset: starting again"),
                              (["--verbose"], "the guest reset: starting again")):
            got = first_line(program, options, folder)
            results.append((f"run {' '.join(options)}", got == want, got))
    for words, want in TEXTS:
        got = subprocess.run([program] + words, capture_output=True, text=True, timeout=60,
                             check=False)
        results.append((" ".join(words), got.returncode == 0 and want in got.stdout,
                        f"no {want} in it"))
    return report(results)


if __name__ == "__main__":
    sys.exit(main())
