#!/usr/bin/env python3
"""lint-guest-names.py [ROOT] - engines know no guest (rule 1 of docs/architecture.md).

In src/engine, outside comments, no name of a guest architecture or of one of its
registers. Left out, because they are about one CPU by design: the emitters for host
CPUs (engine/base/host_*, emit_*, x86*, arm64*, riscv64*) and engine/accel/X/ARCH.c. The
rest of engine/base may name the host's emitter that it calls (x86_mov), the host itself
(HOST_ISA_X86_64) and the host's general registers, but nothing of a guest's system state.
"""

import re

import lintlib

ARCH = r"riscv(?:64|32)?|rv(?:32|64)(?:i|g|gc)?|aarch64|arm64|armv[0-9]\w*|x86(?:_64)?|amd64|i[3-6]86"
REGISTER = (
    r"[msu](?:status|tvec|epc|cause|tval|ie|ip|scratch|edeleg|ideleg|counteren|envcfg)|satp|hgatp|"
    r"pmp(?:cfg|addr)\w*|mhartid|misa|stimecmp|fcsr|frm|vtype|vstart|vxrm|"
    r"[re](?:ax|bx|cx|dx|si|di|bp|sp|ip)|[re]flags|cr[0234]|mxcsr|xmm\d*|ymm\d*|zmm\d*|"
    r"nzcv|pstate|ttbr[01]_el[0-3]|sctlr\w*|tcr_el[0-3]|vbar_el[0-3]|elr_el[0-3]|spsr\w*|daif|esr_el[0-3]"
)
# A name stands alone or as a part between underscores: rv_state_riscv, isa_arm64_ops.
NAME = re.compile(r"(?<![A-Za-z0-9])(?:%s|%s)(?![A-Za-z0-9])" % (ARCH, REGISTER), re.I)
HOST_FILE = re.compile(r"src/engine/(?:base/(?:host_|emit_|x86|arm64|riscv64)\w*|accel/[^/]+/[^/]+)"
                       r"\.(?:c|h|inc|def)$")
# How code in engine/base speaks to and of its host.
EMITTER = re.compile(r"(?<![A-Za-z0-9_])(?:(?:x86|X86|arm64|ARM64|a64|A64|HOST_ISA|HOST_X86)_\w+|"
                     r"R(?:AX|BX|CX|DX|SI|DI|BP|SP)|[XY]MM\d+)(?![A-Za-z0-9_])|\"engine/base/\w+\.h\"")


def main():
    top = lintlib.root()
    faults = []
    for path in lintlib.files(top, ("src/engine",), (".c", ".h", ".inc", ".def")):
        if HOST_FILE.match(path):
            continue
        text = lintlib.code_only(lintlib.read(top, path) or "")
        for number, line in enumerate(text.split("\n"), 1):
            if path.startswith("src/engine/base/"):
                line = EMITTER.sub(" ", line)
            match = NAME.search(line)
            if match:
                faults.append("%s:%d: engines know no guest: \"%s\"" % (path, number, match.group(0)))
    lintlib.finish(faults)


if __name__ == "__main__":
    main()
