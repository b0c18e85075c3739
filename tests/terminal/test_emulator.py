"""The quick screen shows what pyte's own shows, whatever is written and wherever it is cut."""

import random
from collections.abc import Sequence

import pyte

from tests.terminal.attacks import MARKUP, SEQUENCES
from tests.terminal.emulator import Screen, Stream

PIECES = (
    *(
        "plain words",
        "╭─ 1 Partners ─╮",
        "│",
        "日本語",
        "e\u0301",
        "\u200b",
        "\u202e",
        "\xad",
        "👩\u200d👩",
        "~" * 90,
        "\t",
    ),
    *(
        "\r\n",
        "\n",
        "\b",
        "\x1b[H",
        "\x1b[2;3H",
        "\x1b[99;999H",
        "\x1b[0;0H",
        "\x1b[3H",
        "\x1b[2J",
        "\x1b[K",
        "\x1b[2P",
    ),
    *("\x1b[m", "\x1b[1;38;2;1;2;3m", "\x1b[4h", "\x1b[4l", "\x1b[?7l", "\x1b[?7h", "\x1b[3@", "\x1b[2L", "\x1b[2;5r"),
    *("\x0e", "\x0f", "\x1b(0", "\x1b(B", "\x1bM", "\x1bD", "\x1b7", "\x1b8", "\x1b[?2026h", "\x1b[?2026l"),
)


def test_it_shows_what_the_slow_one_shows() -> None:
    chance = random.Random(7)
    written = [*PIECES * 20, *SEQUENCES, *MARKUP]
    told = 0
    for _ in range(1_200):
        text = "".join(chance.choices(written, k=60))
        cuts = sorted(chance.choices(range(len(text) + 1), k=5))
        parts = [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        ours, theirs = Screen(40, 12), pyte.Screen(40, 12)
        assert fed(Stream(ours), parts) == fed(pyte.Stream(theirs), parts), ascii(text)
        assert cells(ours) == cells(theirs), ascii(text)
        assert (ours.cursor.x, ours.cursor.y) == (theirs.cursor.x, theirs.cursor.y), ascii(text)
        # Of halves of wide characters pyte makes no lines.
        if all(map(all, cells(ours))):
            assert ours.display == theirs.display, ascii(text)
            told += sum(bool(line.strip()) for line in ours.display)
    assert told > 1_000


def fed(stream: pyte.Stream, parts: Sequence[str]) -> tuple[int, str]:
    """Feed a stream; how many parts it took, and how it failed: some of the attacks are beyond pyte."""
    for place, part in enumerate(parts):
        try:
            stream.feed(part)
        except (TypeError, AssertionError) as error:
            return place, type(error).__name__
    return len(parts), ""


def cells(screen: pyte.Screen) -> list[list[str]]:
    """What stands in each cell, row by row."""
    return [[screen.buffer[y][x].data for x in range(screen.columns)] for y in range(screen.lines)]
