#!/usr/bin/env python3
"""tap.py TESTLOG.JSON PREFIX TALLY - counts the TAP lines of a Meson test run.

Reads Meson's testlog.json, appends one line `pass|fail|skip PREFIX/test/case` for
each TAP line to TALLY, and prints the whole output of tests that failed. A program
that printed no TAP counts as one test; one that printed no failure but ended badly,
or ran fewer cases than its plan says, counts as one failure more.
"""

import json
import re
import sys

LINE = re.compile(r"^(not ok|ok)\b\s*(\d+)?\s*(?:-\s*)?(.*?)\s*(#\s*(?:SKIP|TODO)\b.*)?$", re.I)
PLAN = re.compile(r"^1\.\.(\d+)")


def tap_cases(text):
    """The (verdict, name) pairs of one program's output and how many it planned."""
    cases, planned = [], None
    for line in text.splitlines():
        plan = PLAN.match(line)
        if plan:
            planned = int(plan.group(1))
            continue
        match = LINE.match(line)
        if not match:
            continue
        word, _, name, directive = match.groups()
        if directive and "skip" in directive.lower():
            verdict = "skip"
        else:
            verdict = "pass" if word.lower() == "ok" else "fail"
        cases.append((verdict, name or "unnamed"))
    return cases, planned


def results_of(test):
    """The tally lines of one Meson test."""
    cases, planned = tap_cases(test.get("stdout") or "")
    result = test["result"]
    if not cases and planned == 0:
        cases = [("skip", "whole program")]
    elif not cases:
        verdict = {"OK": "pass", "EXPECTEDFAIL": "pass", "SKIP": "skip"}.get(result, "fail")
        cases = [(verdict, "whole program")]
    bad_end = result not in ("OK", "SKIP", "EXPECTEDFAIL")
    if not any(verdict == "fail" for verdict, _ in cases):
        if planned is not None and planned > len(cases):
            cases.append(("fail", "ended after %d of %d cases" % (len(cases), planned)))
        elif bad_end:
            cases.append(("fail", "ended badly: %s, status %s" % (result, test.get("returncode"))))
    return cases


def show_failure(prefix, test):
    """Prints what a failed test printed, cut in the middle when it is very long."""
    print("---- %s/%s: %s" % (prefix, test["name"], test["result"]))
    for stream in ("stdout", "stderr"):
        text = test.get(stream) or ""
        if len(text) > 20000:
            text = text[:10000] + "\n[...]\n" + text[-10000:]
        if text:
            print(text.rstrip("\n"))
    print("----")


def main():
    log, prefix, tally = sys.argv[1:4]
    counts = {"pass": 0, "fail": 0, "skip": 0}
    with open(log, encoding="utf-8", errors="replace") as lines, \
            open(tally, "a", encoding="utf-8") as out:
        for line in lines:
            test = json.loads(line)
            cases = results_of(test)
            for verdict, name in cases:
                counts[verdict] += 1
                out.write("%s %s/%s/%s\n" % (verdict, prefix, test["name"], name))
            if any(verdict == "fail" for verdict, _ in cases):
                show_failure(prefix, test)
    print("# %s: %d passed, %d failed, %d skipped"
          % (prefix, counts["pass"], counts["fail"], counts["skip"]))
    return 1 if counts["fail"] else 0


if __name__ == "__main__":
    sys.exit(main())
