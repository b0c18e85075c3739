"""A large store against itself, and its figures against DuckDB over the raw files.

    python -m tests.bench.exact --db FILE --files FOLDER

Prints one JSON document: how many views and partners were compared, and where they differ.
"""

import argparse
import json
import tempfile
from pathlib import Path

from store.connection import open_store
from tests.bench.measured import Row, python, run
from tests.exactness import Asked, RawFiles, disagreements

_VERIFY_LIMIT_S = 120


def measure(store: Path, files: Path) -> list[Row]:
    """Compare and verify, each in a process of its own."""
    told = json.loads(
        run(python("-m", "tests.bench.exact", "--db", str(store), "--files", str(files))).output,
    )
    different = told["disagreements"]
    figure = f"{told['views']} views, {told['partners']:,} partners' figures, {len(different)} different"
    if different:
        figure += f": {different[0]}"
    verified = run(python("-m", "store", "verify", "--db", str(store)))
    return [
        Row(
            "equal to DuckDB over the raw files",
            figure,
            "python -m tests.bench.exact",
            "none different",
            not different,
        ),
        Row(
            "verified, every row",
            f"{verified.seconds:.0f} s (cpu {verified.processor:.0f} s, {verified.peak_mib:,.0f} MiB)",
            "python -m store verify --db X",
            f"<= {_VERIFY_LIMIT_S} s",
            verified.seconds <= _VERIFY_LIMIT_S,
        ),
    ]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.exact", description=__doc__)
    parser.add_argument("--db", type=Path, required=True)
    parser.add_argument("--files", type=Path, required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="overscope-exact-") as spill:
        raw = RawFiles(arguments.files, spill=Path(spill))
        reads = raw.instants(4)
        questions = [
            Asked(),
            Asked(as_of=reads[2] + 1, window_days=365, cutoff=reads[0]),
            Asked(as_of=reads[3], window_days=7, cutoff=reads[1] + 1),
        ]
        partners = sum(len(raw.answer(asked).partners) for asked in questions)
        with open_store(arguments.db) as store:
            different = disagreements(store, raw, questions)
        raw.close()
    print(json.dumps({"views": len(questions), "partners": partners, "disagreements": different}))


if __name__ == "__main__":
    main()
