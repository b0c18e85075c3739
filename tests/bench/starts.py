"""How long the programs take to say how they are used."""

from tests.bench.measured import Row, middle, python, run

_ROUNDS = 9
_HELP_LIMIT_MS = 150


def measure() -> list[Row]:
    """The median of several starts, after one that writes what Python compiles."""
    rows = []
    for arguments, limit in (
        (("-c", "pass"), None),
        (("-m", "tui", "--help"), _HELP_LIMIT_MS),
        (("-m", "store", "--help"), _HELP_LIMIT_MS),
    ):
        command = python(*arguments)
        run(command)
        times = [run(command).seconds * 1000 for _ in range(_ROUNDS)]
        taken = middle(times)
        rows.append(
            Row(
                what="python, empty" if limit is None else f"{arguments[1]} --help",
                figure=f"{taken:.0f} ms (worst {max(times):.0f})",
                command=f"python {' '.join(arguments)}",
                target="" if limit is None else f"< {limit} ms",
                met=None if limit is None else taken < limit,
            )
        )
    return rows
