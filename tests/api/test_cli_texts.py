#!/usr/bin/env python3
"""test_cli_texts.py - man page and completions offer what `--help` of every command does.

    test_cli_texts.py VM-CLI

bash and fish are asked to complete; of the man page and zsh's completion the texts are read.
"""
import re
import shutil
import subprocess
import sys

from results import report

COMPLETE = """
%s
COMP_WORDS=(vm-cli %s --) COMP_CWORD=%d
_vm_cli
printf '%%s\\n' "${COMPREPLY[@]}"
"""


def output(words):
    """What a command prints; it has to succeed."""
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout


def long_options(text):
    """The names of the options of a --help."""
    return set(re.findall(r"^  (?:-\w, )?--([\w-]+)", text, re.MULTILINE))


def man_sections(page):
    """Command -> (its options, whether it takes those of run)."""
    page = page.replace("\\-", "-")
    found = {}
    for section in page.split('.SS "')[1:]:
        name, body = section.split('"', 1)
        body = body.split("\n.SH", 1)[0]
        options = re.findall(r'^\.BR (?:-\w ", " )?"--([\w-]+)"', body, re.MULTILINE)
        found[name] = set(options), "Takes the options of run" in body
    return found


def bash_offers(script, command):
    """What bash completes after the command and "--"."""
    words = command.split()
    asked = output(["bash", "-c", COMPLETE % (script, command, len(words) + 1)])
    return {word[2:] for word in asked.split() if word.startswith("--")}


def zsh_offers(script, command):
    """The options that zsh's branch of the command names."""
    body = re.search(r"^'?%s'?\)\n(.*?);;" % re.escape(command), script, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"'(?:\(.*\)'\{-\w,|\*)?--([\w-]+)", body.group(1))) if body else set()


def fish_offers(script, command):
    """What fish completes after the command and "--"; None without fish."""
    if not shutil.which("fish"):
        return None
    asked = output(["fish", "--no-config", "-c", script + f"\ncomplete -C 'vm-cli {command} --'"])
    return set(re.findall(r"^--([\w-]+)", asked, re.MULTILINE))


def main():
    """Prints TAP."""
    program = sys.argv[1]
    commands = re.findall(r"^  (\S+(?: [a-z]+)?) +[A-Z]", output([program, "--help"]), re.MULTILINE)
    man = man_sections(output([program, "generate", "man"]))
    shells = [(offers, output([program, "generate", name]), name) for name, offers in
              (("bash", bash_offers), ("zsh", zsh_offers), ("fish", fish_offers))]
    results = [("the man page has each command", set(man) == set(commands),
                f"man: {sorted(man)}, --help: {sorted(commands)}")]
    of_run = long_options(output([program, "run", "--help"]))
    for command in commands:
        want = long_options(output([program] + command.split() + ["--help"]))
        has, like_run = man.get(command, (set(), False))
        rest = want - has - (of_run if like_run else set())
        results.append((f"man page: {command}", want and not rest and has <= want,
                        f"missing: {sorted(rest)}, too many: {sorted(has - want)}"))
        for offers, script, shell in shells:
            has = offers(script, command)
            if has is None:
                results.append((f"{shell}: {command} # SKIP no {shell}", True, ""))
                continue
            results.append((f"{shell}: {command}", has == want,
                            f"missing: {sorted(want - has)}, too many: {sorted(has - want)}"))
    return report(results)


if __name__ == "__main__":
    sys.exit(main())
