"""results.py - TAP of checks that have all been made: (name, whether it holds, what was seen)."""


def report(results):
    """Prints them; the exit status."""
    print(f"1..{len(results)}")
    for number, (name, good, note) in enumerate(results, 1):
        if not good:
            print(f"# {note}")
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
    return 0 if all(good for _, good, _ in results) else 1
