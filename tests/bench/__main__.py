"""Speed on this machine: `make bench`, or `python -m tests.bench [--events N] [--only imports,starts,screen,...]`.

Everything is measured in processes of its own, in one run, one after the other; ratios travel, absolutes do not.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench import exact, imports, questions, screen, starts
from tests.bench.measured import Row, machine, table

_PARTS = {
    "starts": "programs",
    "screen": "the demo in a terminal",
    "imports": "imports",
    "exact": "the imported store against its raw files",
    "questions": "questions to the imported store",
    "board": "the imported store in a terminal",
    "append": "more events into the imported store",
}


def main() -> int:
    """The command line; exit 0 whatever the figures are."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="access events to import (default 1,000,000)")
    parser.add_argument("--rounds", type=int, default=1, help="times that each import is run; the median counts")
    parser.add_argument("--keys", type=int, default=200, help="keys pressed on the demo (default 200)")
    parser.add_argument("--size", default="120x40", metavar="COLUMNSxLINES", help="of the terminal (default 120x40)")
    parser.add_argument(
        "--store", type=Path, metavar="FILE", help="ask this store, which `append` adds to; else the imported one"
    )
    parser.add_argument("--files", type=Path, metavar="FOLDER", help="the files that --store was imported from")
    parser.add_argument("--demo", type=Path, metavar="FILE", help="a demo store built before; else one is built")
    parser.add_argument("--only", default=",".join(_PARTS), help=f"parts to run, of {','.join(_PARTS)}")
    arguments = parser.parse_args()
    parts = arguments.only.split(",")
    if unknown := set(parts) - set(_PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if {"questions", "board", "append"} & set(parts) and arguments.store is None and "imports" not in parts:
        parser.error("what is asked of a store needs --store FILE, or the part imports before it")
    if "exact" in parts and (arguments.store is None) != (arguments.files is None):
        parser.error("the raw files of --store are --files FOLDER: give both or neither")
    columns, lines = (int(number) for number in arguments.size.split("x"))
    print(f"python -m tests.bench {' '.join(sys.argv[1:])}".rstrip())
    print(machine())
    with tempfile.TemporaryDirectory(prefix="overscope-bench-") as folder:
        for part in _PARTS:
            if part not in parts:
                continue
            rows: list[Row]
            store = arguments.store or Path(folder) / "scale.db"
            if part == "starts":
                rows = starts.measure()
            elif part == "screen":
                rows = screen.measure(
                    Path(folder), demo=arguments.demo, columns=columns, lines=lines, keys=arguments.keys
                )
            elif part == "exact":
                rows = exact.measure(store, arguments.files or Path(folder) / "scale")
            elif part == "questions":
                rows = questions.measure(store)
            elif part == "board":
                rows = screen.measure_large(store, columns=columns, lines=lines, keys=arguments.keys)
                rows += screen.measure_what_if(store, columns=columns, lines=lines)
            elif part == "append":
                rows = imports.append(Path(folder), store)
            else:
                rows = imports.measure(Path(folder), events=arguments.events, rounds=arguments.rounds)
            print(f"\n{_PARTS[part]}\n{table(rows)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
