#!/usr/bin/env python3
"""embed.py OUTPUT.c FILE... - makes C strings of text files: FILE a-b.sh is guest_a_b_sh."""

import os
import sys


def main():
    lines = ['#include "vm/install/guest_texts.h"\n']
    for path in sys.argv[2:]:
        name = os.path.basename(path).replace("-", "_").replace(".", "_")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        lines.append("const char guest_%s[] =" % name)
        for line in text.splitlines():
            escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
            lines.append('    "%s\\n"' % escaped)
        lines[-1] += ";\n"
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


if __name__ == "__main__":
    main()
