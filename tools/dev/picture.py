#!/usr/bin/env python3
"""picture.py SVG COMMAND... - runs a program on a terminal of its own, types a few lines into
the guest's shell, and draws the last screen as an SVG picture."""

import html
import os
import pty
import re
import select
import sys
import time

COLUMNS, ROWS = 88, 26
TYPED = ["uname -a", "head -3 /proc/cpuinfo", "ls /", "exit"]
PROMPT = b"vm# "
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x07")


def record(command, limit):
    """All that the command printed, with TYPED sent at the guest's prompts."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    output, seen, typed, deadline = b"", 0, list(TYPED), time.monotonic() + limit
    while time.monotonic() < deadline:
        if select.select([fd], [], [], 1.0)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                data = b""
            if not data:
                break
            output += data
        if typed and output.count(PROMPT) > seen:
            seen = output.count(PROMPT)
            os.write(fd, typed.pop(0).encode() + b"\r")
    _, status = os.waitpid(pid, 0)
    return output.decode("utf-8", errors="replace"), os.waitstatus_to_exitcode(status)


def screen(text):
    """The lines a person is left with, folded to the screen's width."""
    lines = []
    for line in ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "").split("\n"):
        while len(line) > COLUMNS:
            lines.append(line[:COLUMNS])
            line = line[COLUMNS:]
        lines.append(line.rstrip())
    while lines and not lines[-1]:
        lines.pop()
    return lines[-ROWS:]


def draw(lines):
    """The lines as an SVG document."""
    width, height = COLUMNS * 8.4 + 24, len(lines) * 18 + 28
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g">'
           % (width, height, width, height),
           '<rect width="100%" height="100%" rx="6" fill="#1b1e23"/>',
           '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" '
           'fill="#d6d9de" xml:space="preserve">']
    for number, line in enumerate(lines):
        out.append('<text x="12" y="%d">%s</text>' % (26 + number * 18, html.escape(line)))
    return "\n".join(out + ["</g>", "</svg>"]) + "\n"


def main():
    target, command = sys.argv[1], sys.argv[2:]
    text, status = record(command, 600)
    if status != 0 or "vm-init: ready" not in text:
        sys.stderr.write(text)
        sys.exit("picture: the guest did not reach its shell and power off (status %d)" % status)
    with open(target, "w", encoding="utf-8") as svg:
        svg.write(draw(["$ ./dev debian"] + screen(text)))


if __name__ == "__main__":
    main()
