"""`python -m tui`: the dashboard's command line. Parses and refuses; everything heavy is imported after that."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from store.connection import Store
    from store.parameters import Parameters
    from tui.app import OverscopeApp

_UNUSABLE = 2
_FAULT = 70
_TRACEBACK_VARIABLE = "OVERSCOPE_TRACEBACK"


class _Parser(argparse.ArgumentParser):
    """Refuses in one line, without the usage above it."""

    def error(self, message: str) -> NoReturn:
        """Print the line and leave."""
        from store.text import clean_whole

        self.exit(_UNUSABLE, f"{clean_whole(message)}; see `{self.prog} --help`\n")


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    parser = _Parser(
        prog="python -m tui",
        description="Who kept reading restricted data, when, whose data it was, and where each case stands.",
    )
    parser.add_argument("--db", metavar="FILE", type=Path, help="the incident's store")
    parser.add_argument(
        "--demo", action="store_true", help="open an invented incident; built on first use, in --db or in your cache"
    )
    parser.add_argument(
        "--as", dest="actor", metavar="NAME", help="who you are in the action log (default: your login)"
    )
    parser.add_argument("--as-of", metavar="DATE", help="count reads before this instant (default: the rulebook's)")
    parser.add_argument("--window", metavar="DAYS", help="length of `last N days` (default: the rulebook's)")
    parser.add_argument("--today", metavar="DATE", help="judge work at this instant (default: now)")
    parser.add_argument("--read-only", action="store_true", help="refuse every action")
    parser.add_argument(
        "--screenshot", metavar="FILE.svg", type=Path, help="draw the screen to a file; no terminal needed"
    )
    parser.add_argument("--press", metavar="KEYS", default="", help="keys to press before that, separated by blanks")
    parser.add_argument("--size", metavar="WxH", default="120x40", help="size of that screen (default: 120x40)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the dashboard; returns the exit code."""
    wanted = parser().parse_args(arguments)
    try:
        return _run(wanted)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    # The dashboard's outer edge: whatever goes wrong before or after the screen is one line.
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    """Say what went wrong in one line that says what to do; the exit code for it."""
    from store.errors import StoreError
    from store.text import clean_whole

    if os.environ.get(_TRACEBACK_VARIABLE):
        raise error
    if isinstance(error, StoreError):
        reason, code = str(error), _UNUSABLE
    elif isinstance(error, OSError):
        what = error.strerror or str(error)
        reason, code = (what if error.filename is None else f"{os.fsdecode(error.filename)}: {what}"), _UNUSABLE
    else:
        kind = type(error).__name__
        reason, code = f"internal error: {kind}: {error} (a fault of ours: {_TRACEBACK_VARIABLE}=1 shows where)", _FAULT
    print(clean_whole(" ".join(reason.split())), file=sys.stderr)
    return code


def _run(wanted: argparse.Namespace) -> int:
    from store.errors import UsageError

    if wanted.db is None and not wanted.demo:
        raise UsageError("which store? give --db FILE, or try --demo")
    parameters = _parameters(wanted)
    size = _size(wanted.size)
    if wanted.screenshot is None:
        _check_terminal()
    elif wanted.screenshot.suffix.lower() != ".svg":
        raise UsageError(f"--screenshot draws SVG: name a file that ends in .svg, not {wanted.screenshot.name}")
    actor = wanted.actor or _login()
    with _open(wanted.db, demo=wanted.demo, read_only=wanted.read_only, actor=actor) as store:
        if wanted.screenshot is not None:
            from tui.screenshot import save_screenshot

            save_screenshot(store, parameters, actor, to=wanted.screenshot, keys=wanted.press.split(), size=size)
            return 0
        return _show(store, parameters, actor)


def _show(store: "Store", parameters: "Parameters", actor: str) -> int:
    from platformdirs import user_config_path

    from store.room import keep_little
    from store.sessions import state_folder

    keep_little()
    _prefer_speed()
    from tui.app import OverscopeApp

    app = OverscopeApp(
        store,
        parameters,
        actor=actor,
        colourless=bool(os.environ.get("NO_COLOR")),
        keymap=user_config_path("overscope") / "keymap.toml",
        sessions=state_folder(),
        takes_signals=True,
    )
    app.run()
    _let_go_of_closed_terminal()
    if app.fault is not None:
        raise app.fault
    _note_session(app)
    return app.return_code or 0


def _note_session(app: "OverscopeApp") -> None:
    """Note how far they have seen the log; where that cannot be, say so, and end as it would have ended."""
    from store.errors import StoreError

    try:
        app.returning.note(app.today)
    except StoreError as error:
        # Of a terminal that is gone nobody reads it.
        with suppress(OSError):
            print(f"what is new next time will not be known: {_in_one_line(error)}", file=sys.stderr)


def _in_one_line(error: Exception) -> str:
    from store.text import clean_whole

    return clean_whole(" ".join(str(error).split()))


def _prefer_speed() -> None:
    """Settings of the libraries below that decide how soon a key is painted; whoever set them otherwise is heeded.

    Textual reads them when it is first imported: frames at once instead of sixty a second, and `esc` told from the
    begin of another key's sequence in 10 ms. Threads that read the store give way to the one that draws within 1 ms.
    """
    from tui import collector

    os.environ.setdefault("TEXTUAL_FPS", "500")
    os.environ.setdefault("ESCDELAY", "10")
    sys.setswitchinterval(0.001)
    collector.start()


def _let_go_of_closed_terminal() -> None:
    """What a closed terminal did not take goes nowhere: Python would end with a code of its own over it."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)


def _check_terminal() -> None:
    """Refuse where a full-screen program would only write escapes into something.

    Raises:
        UsageError: no terminal, or one that can do nothing.
    """
    from store.errors import UsageError

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "the dashboard needs a terminal on stdin and stdout; `python -m store figures --db FILE` prints without one"
        )
    if os.environ.get("TERM", "") in ("dumb", ""):
        raise UsageError(
            "TERM=dumb cannot show the dashboard; set TERM (xterm-256color, say), or use `python -m store figures`"
        )


def _parameters(wanted: argparse.Namespace) -> "Parameters":
    from store.parameters import Parameters

    window = None
    if wanted.window is not None:
        window = _whole_number(wanted.window)
    return Parameters(as_of=_point(wanted.as_of, "--as-of"), window_days=window, today=_point(wanted.today, "--today"))


def _whole_number(text: str) -> int:
    from store.errors import UsageError
    from store.parameters import MOST_WINDOW_DAYS

    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= MOST_WINDOW_DAYS):
        raise UsageError(f"--window wants a number of days from 1 to {MOST_WINDOW_DAYS}, not {text!r}")
    return int(text)


def _point(text: str | None, option: str) -> int | None:
    from store.errors import UsageError
    from store.instants import parse_point

    if text is None:
        return None
    try:
        return parse_point(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}; write a date like 2019-11-05 or an instant with an offset") from error


def _size(text: str) -> tuple[int, int]:
    from store.errors import UsageError

    width, separator, height = text.lower().partition("x")
    if not (separator and width.isdecimal() and height.isdecimal()):
        raise UsageError(f"--size wants WIDTHxHEIGHT, like 120x40, not {text!r}")
    size = int(width[:6]), int(height[:6])
    if not (1 <= size[0] <= 1_000 and 1 <= size[1] <= 1_000):
        raise UsageError(f"--size: {text} is out of range; 1x1 to 1000x1000 can be drawn")
    return size


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _open(db: Path | None, *, demo: bool, read_only: bool, actor: str) -> "Store":
    from store.connection import open_store

    if not demo:
        assert db is not None
        return open_store(db, read_only=read_only)
    return _open_demo(db or _demo_path(), read_only=read_only)


def _demo_path() -> Path:
    from platformdirs import user_cache_path

    folder = user_cache_path("overscope")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / "demo.db"


def _open_demo(path: Path, *, read_only: bool) -> "Store":
    """The demo at this path, built where nothing is.

    Raises:
        UsageError: another incident is there; it is left alone.
    """
    from store.connection import open_store
    from store.errors import UsageError
    from store.incident import incident

    if not path.exists():
        from fixtures.groups_api_2019.build import build_demo

        build_demo(path, _tell if sys.stderr.isatty() else None)
    store = open_store(path, read_only=read_only)
    if not incident(store).demo:
        store.close()
        raise UsageError(f"{path} holds another incident, not the demo: leave --demo out, or name another --db")
    return store


def _tell(line: str) -> None:
    print(f"building the demo, once: {line} ...", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
