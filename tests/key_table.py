"""`python -m tests.key_table`: the README's table of keys, made again from the one table of bindings."""

import re
from pathlib import Path

from tui.keys import markdown_table

README = Path(__file__).resolve().parents[1] / "README.md"
_TABLE = re.compile(r"(## Keys\n\n)(?:\|[^\n]*\n)+")


def with_current_keys(readme: str) -> str:
    """The text with the table under its heading "Keys" as the bindings make it.

    Raises:
        ValueError: it has no such heading with one table below.
    """
    changed, found = _TABLE.subn(lambda match: f"{match[1]}{markdown_table().strip()}\n", readme)
    if found != 1:
        raise ValueError("the README needs one heading `## Keys` with a table below it")
    return changed


if __name__ == "__main__":
    README.write_text(with_current_keys(README.read_text(encoding="utf-8")), encoding="utf-8")
