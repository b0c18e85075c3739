"""`python -m tests.readme_tables`: the README's tables of keys and of promises, made again from what they describe."""

import re
from pathlib import Path

from tests import promises
from tui import keys

README = Path(__file__).resolve().parents[1] / "README.md"
_KEYS = re.compile(r"(## Keys\n\n)(?:\|[^\n]*\n)+")
_PROMISES = re.compile(r"(## What we promise\n\n(?:[^|#\n][^\n]*\n)*\n)(?:\|[^\n]*\n)+")


def with_current_tables(readme: str) -> str:
    """The text with the tables under its headings "Keys" and "What we promise" as they are now.

    Raises:
        ValueError: it lacks one of the headings with one table below it.
    """
    for heading, table in ((_KEYS, keys.markdown_table()), (_PROMISES, promises.markdown_table())):
        places = list(heading.finditer(readme))
        if len(places) != 1:
            raise ValueError(f"the README needs one place like {heading.pattern!r}")
        (place,) = places
        readme = f"{readme[: place.end(1)]}{table.strip()}\n{readme[place.end() :]}"
    return readme


if __name__ == "__main__":
    README.write_text(with_current_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
