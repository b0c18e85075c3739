"""The commands of disclosures and claims, and their options; the others are in `store.cli.parser`."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Protocol

from store.cli.values import name, point, whole, words
from store.parameters import MOST_WINDOW_DAYS

_ANY_NUMBER = whole(1, 10**18)


class AddCommand(Protocol):
    """Adds a command with what every command takes: verb, what runs it, a summary."""

    def __call__(self, verb: str, run: str, summary: str) -> ArgumentParser:
        """Its parser."""
        ...


def add_disclosures(
    command: AddCommand, as_someone: Callable[[ArgumentParser], None], parameters: Callable[[ArgumentParser], None]
) -> None:
    """Add the commands.

    Args:
        as_someone: adds `--as`. `parameters`: adds `--as-of` and its like.
    """
    parser = command("disclose", "disclosures:disclose", "freeze the figures with everything they rest on")
    parser.add_argument("--name", type=name, required=True, metavar="TEXT", help="what to call it")
    parser.add_argument("--note", type=words, default="", metavar="TEXT")
    parser.add_argument("--to", type=words, metavar="FILE.json", help="write it into a file, too")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    parameters(parser)
    as_someone(parser)

    parser = command("disclosures", "disclosures:disclosures", "list the disclosures, or show one whole")
    parser.add_argument("--show", type=_ANY_NUMBER, metavar="N", help="this one; with --json as it is exported")
    parser.add_argument("--to", type=words, metavar="FILE.json", help="with --show: write it into a file")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    as_someone(parser)

    parser = command("diff", "disclosures:diff", "what changed since a disclosure, or between two, and because of what")
    parser.add_argument("--disclosure", type=_ANY_NUMBER, required=True, metavar="N")
    parser.add_argument("--other", type=_ANY_NUMBER, metavar="M", help="hold it against this one (default: today)")
    parser.add_argument("--by-cause", action="store_true", help="count again after each cause: what each changed")

    parser = command(
        "reproduce", "disclosures:reproduce", "derive a disclosure again from the store as it was; exit 1 if not equal"
    )
    parser.add_argument("--disclosure", type=_ANY_NUMBER, required=True, metavar="N")
    parser.add_argument("--file", type=words, metavar="FILE.json", help="also hold it against this exported file of it")

    parser = command("claims", "claims:claims", "public sentences and whether they hold; exit 1 if one is broken")
    parser.add_argument("--all", action="store_true", help="also those that were withdrawn")

    parser = command("claim", "claims:claim", "bind a public sentence to a figure, or withdraw one")
    parser.add_argument("--sentence", type=name, metavar="TEXT", help="as it was published")
    parser.add_argument("--that", type=words, metavar="CLAIM", help='what it says, e.g. "recent.partners >= 11"')
    parser.add_argument("--withdraw", type=_ANY_NUMBER, metavar="N", help="withdraw this one; needs --note")
    parser.add_argument("--note", type=words, default="", metavar="TEXT")
    parser.add_argument("--as-of", type=point, metavar="DATE", help="count events before this (default: the rulebook)")
    parser.add_argument(
        "--window", type=whole(1, MOST_WINDOW_DAYS), metavar="DAYS", help="length of `recent` (default: the rulebook)"
    )
    parser.add_argument("--cutoff", type=point, metavar="DATE", help="as if every rule had begun then")
    parser.set_defaults(today=None)
    as_someone(parser)
