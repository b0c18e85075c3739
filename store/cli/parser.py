"""Every command and option of `python -m store`. Imports nothing heavy; what a value looks like: `store.cli.values`."""

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from store.cli.disclosure_parser import add_disclosures
from store.cli.values import actor, dated_point, name, part, point, renaming, seed, whole, words
from store.errors import UsageError
from store.parameters import MOST_WINDOW_DAYS

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

PROGRAM = "python -m store"
KINDS = (
    "partners",
    "apps",
    "grants",
    "opt_ins",
    "exemptions",
    "removals",
    "coverage",
    "subjects",
    "steps",
    "access_events",
)
FORMATS = ("auto", "canonical", "m365-ual")
EPOCH_UNITS = ("s", "ms", "us")
VERDICT_NAMES = ("improper", "undetermined", "allowed_by_opt_in", "allowed_by_exemption", "allowed", "denied")
POPULATION_NAMES = ("all", "retained", "accessed", "recent", "after_removal")
EXCEPTION_NAMES = ("opt_in", "exemption")
GROUNDS_NAMES = ("no_access", "allowed", "deletion_verified", "enforced", "defunct", "duplicate", "other")
LETTER_KINDS = ("deletion", "checklist")
LETTER_FORMS = ("md", "txt")
STAGE_NAMES = (
    *("none", "access_removed", "notified", "deletion_requested", "deletion_certified", "audit_planned"),
    *("audit_started", "audit_passed", "audit_failed"),
)
MOST_BINS = 100_000
# Commands whose words may stand on both sides of their options.
_TAKES_WORDS = {"import": "paths", "rules": "words"}


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line, and an exception."""

    def error(self, message: str) -> NoReturn:
        """Refuse the call.

        Raises:
            UsageError: always.
        """
        raise UsageError(f"{message} - see `{self.prog} --help`")

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        # The library takes a `--` for the end of the options, even behind an equals sign: `--filter=--`.
        if action.option_strings and action.nargs is None and arg_strings == ["--"]:
            value = self._get_value(action, "--")
            self._check_value(action, value)
            return value
        return super()._get_values(action, arg_strings)

    def _print_message(self, message: str, file: "SupportsWrite[str] | None" = None) -> None:
        # The library's own swallows the error of a reader that has gone.
        (file or sys.stderr).write(message)


_ANY_NUMBER = whole(1, 10**18)
_ANY_COUNT = whole(0, 2**53)


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command."""
    parser = OneLineParser(
        prog=PROGRAM,
        description="Who kept reading restricted data, whose it was, and whether it was put right: without a screen.",
        epilog=f"`{PROGRAM} COMMAND --help` says more. The dashboard is `python -m tui --db FILE`, a demo is `--demo`.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=OneLineParser, title="commands")
    _add_intake(commands)
    _add_questions(commands)
    _add_casework(commands)
    _add_trust(commands)
    _add_files(commands)
    add_disclosures(partial(_command, commands), _as_someone, _add_parameters)
    _add_reports(commands)
    return parser


class _Version(argparse.Action):
    """Print the version, looked up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print it and end."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            said = version("overscope")
        except PackageNotFoundError:
            said = "from its sources"
        parser._print_message(f"overscope {said}\n", sys.stdout)
        parser.exit()


Commands: TypeAlias = "argparse._SubParsersAction[OneLineParser]"


def _command(commands: Commands, verb: str, run: str, summary: str, *, json: bool = True) -> OneLineParser:
    parser = commands.add_parser(
        verb, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", allow_abbrev=False
    )
    parser.set_defaults(run=run)
    parser.add_argument("--db", metavar="FILE", help="the store (required)")
    if json:
        parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _as_someone(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--as", dest="actor", type=actor, metavar="NAME", help="who acts (default: the login name)")


def _add_parameters(parser: argparse.ArgumentParser, *, window: bool = True, cutoff: bool = True) -> None:
    parser.add_argument("--as-of", type=point, metavar="DATE", help="count events before this (default: the rulebook)")
    if cutoff:
        parser.add_argument("--cutoff", type=point, metavar="DATE", help="what if every rule had begun then")
    parser.add_argument("--today", type=point, metavar="DATE", help="judge steps and due dates at this (default: now)")
    if window:
        parser.add_argument(
            "--window",
            type=whole(1, MOST_WINDOW_DAYS),
            metavar="DAYS",
            help="length of `recent` (default: the rulebook)",
        )


def _add_what_if(parser: OneLineParser) -> None:
    for option, what in (("--without", "no rule accepted"), ("--accepting", "every rule accepted")):
        parser.add_argument(
            option,
            choices=EXCEPTION_NAMES,
            nargs="+",
            action="extend",
            default=[],
            metavar="EXCEPTION",
            help=f"what if {what} these exceptions: {', '.join(EXCEPTION_NAMES)}",
        )
    parser.add_argument(
        "--without-app",
        type=words,
        nargs="+",
        action="extend",
        default=[],
        metavar="ID",
        help="what if not for this app",
    )


def _add_intake(commands: Commands) -> None:
    parser = _command(commands, "init", "intake:init", "create an empty store")
    parser.add_argument(
        "--rules", type=words, metavar="FILE|PRESET", help="the rulebook: a TOML file, or a shipped one"
    )
    parser.add_argument("--name", type=name, metavar="TEXT", help="the incident's name (default: the rulebook's)")
    _as_someone(parser)

    parser = _command(commands, "import", "intake:import_files", "read files, or folders of them, into the store")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file or a folder")
    parser.add_argument("--format", choices=FORMATS, default="auto", help="default: auto")
    parser.add_argument("--kind", choices=KINDS, metavar="KIND", help=f"what the records are: {', '.join(KINDS)}")
    parser.add_argument("--timezone", type=name, metavar="ZONE", help="of times without an offset, e.g. Europe/Paris")
    parser.add_argument(
        "--epoch", choices=EPOCH_UNITS, default="us", help="unit of times that are integers (default: us)"
    )
    parser.add_argument(
        "--map", type=renaming, action="append", default=[], metavar="THEIRS=OURS", help="rename a column"
    )
    parser.add_argument(
        "--pseudonymise",
        type=words,
        metavar="KEYFILE",
        help="keep people only as pseudonyms under this key; make one with `head -c 32 /dev/urandom > people.key` and"
        " `chmod 600 people.key`",
    )
    parser.add_argument("--strict", action="store_true", help="exit 1 when any record was quarantined")
    _as_someone(parser)

    _command(commands, "imports", "intake:list_imports", "list what was imported")

    parser = _command(commands, "void", "intake:void", "take an import out of every count; its rows stay")
    parser.add_argument("--import", dest="import_id", type=_ANY_NUMBER, required=True, metavar="N")
    parser.add_argument("--note", type=name, required=True, metavar="TEXT", help="why")
    _as_someone(parser)

    parser = _command(commands, "quarantine", "intake:quarantine", "list records that could not be read, or settle one")
    parser.add_argument("--import", dest="import_id", type=_ANY_NUMBER, metavar="N", help="only of this import")
    parser.add_argument("--resolve", type=_ANY_NUMBER, metavar="ID", help="settle this one")
    parser.add_argument("--note", type=name, metavar="TEXT", help="how it was settled")
    _as_someone(parser)

    parser = _command(commands, "rules", "intake:rules", "show the rulebook in force, or load another")
    parser.add_argument("words", nargs="+", metavar="show | load FILE.toml", help="load also takes a preset's name")
    _as_someone(parser)

    parser = _command(commands, "rebuild", "intake:rebuild", "build every derived table again from the plain ones")
    _as_someone(parser)


def _add_questions(commands: Commands) -> None:
    parser = _command(commands, "figures", "questions:figures", "the figures of the incident and how far to trust them")
    _add_parameters(parser)
    _add_what_if(parser)
    parser.add_argument("--sheet", action="store_true", help="also data classes, and how long things took")
    parser.add_argument("--rows", type=name, metavar="FIGURE", help="the rows that one number counts: accessed.people")
    parser.add_argument("--csv", action="store_true", help="with --rows: print CSV; like --json, an entry in the log")
    _as_someone(parser)

    parser = _command(commands, "partners", "questions:partners", "every known partner and where its case stands")
    parser.add_argument("--filter", type=words, metavar="EXPR", help="words that name, id, apps or notes must all hold")
    parser.add_argument(
        "--show", choices=POPULATION_NAMES, default="all", metavar="POPULATION", help=", ".join(POPULATION_NAMES)
    )
    parser.add_argument("--sort", type=name, metavar="COLUMN", help="by this column of the --json (default: attention)")
    parser.add_argument("--reverse", action="store_true", help="the other way round")
    parser.add_argument("--csv", action="store_true", help="print CSV")
    _add_parameters(parser)
    _add_what_if(parser)

    parser = _command(commands, "timeline", "timelines:timeline", "counts per bin of time, and what happened beside")
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--partner", type=words, metavar="ID")
    whose.add_argument("--all", action="store_true", help="all partners together, and week by week (default)")
    parser.add_argument("--from", dest="from_at", type=point, metavar="DATE", help="default: the whole span")
    parser.add_argument("--until", dest="until_at", type=point, metavar="DATE", help="exclusive")
    parser.add_argument("--bins", type=whole(1, MOST_BINS), default=60, metavar="N", help="default: 60")

    parser = _command(commands, "shape", "timelines:shape", "the shape of a partner's access, in plain sentences")
    parser.add_argument("--partner", type=words, metavar="ID", required=True)
    _add_parameters(parser, window=False)
    _add_what_if(parser)

    _add_event_questions(commands)

    parser = _command(commands, "people", "questions:people", "whose data it was: the notification list")
    parser.add_argument("--partner", type=words, metavar="ID")
    parser.add_argument("--csv", action="store_true", help="print CSV; like --json, an entry in the log")
    parser.add_argument("--country", type=name, metavar="NAME", help="only those whom a registry places there")
    parser.add_argument("--minors", action="store_true", help="only those whom a registry calls minors")
    _add_parameters(parser, window=False)
    _add_what_if(parser)
    _as_someone(parser)

    parser = _command(commands, "overlap", "questions:overlap", "whom partners read in common, and whom each adds")
    parser.add_argument(
        "--partner", type=words, nargs="+", action="extend", metavar="ID", required=True, dest="partners"
    )
    _add_parameters(parser, window=False)
    _add_what_if(parser)

    parser = _command(commands, "held", "letters:held", "what a partner read and is not verified to have deleted")
    parser.add_argument("--partner", type=words, required=True, metavar="ID")
    _add_parameters(parser, window=False)

    parser = _command(commands, "scenario", "scenarios:scenario", "what-ifs with a name: save, drop, list, or show one")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--save", type=name, metavar="NAME", help="keep what the other options ask under this name")
    which.add_argument("--drop", type=name, metavar="NAME", help="drop the scenario of this name; needs --note")
    which.add_argument("--show", type=name, metavar="NAME", help="beside the figures as they are, and who flips")
    parser.add_argument("--note", type=words, default="", metavar="TEXT")
    _add_parameters(parser)
    _add_what_if(parser)
    _as_someone(parser)

    parser = _command(commands, "letter", "letters:letter", "ask partners to delete, or list what an auditor checks")
    parser.add_argument("--partner", type=words, nargs="+", action="extend", metavar="ID", dest="partners", default=[])
    parser.add_argument("--kind", choices=LETTER_KINDS, default="deletion", help="default: deletion")
    parser.add_argument("--to", type=words, metavar="FILE|FOLDER", help="where to; several letters need a folder")
    parser.add_argument("--with-people", action="store_true", help="with an appendix of the people's ids; needs --to")
    parser.add_argument("--show-template", action="store_true", help="print the shipped template, to begin your own")
    _add_letter_options(parser)
    _add_parameters(parser, window=False, cutoff=False)
    _as_someone(parser)

    parser = _command(commands, "audit", "work:audit", "the remediation track: steps done, missing and next")
    parser.add_argument("--partner", type=words, metavar="ID")
    parser.add_argument("--today", type=point, metavar="DATE", help="judge due dates at this (default: now)")

    _add_sample(commands)
    parser = _command(
        commands, "queue", "remediation:queue", "what to do next: the open cases in order, with their reasons"
    )
    _add_parameters(parser)

    parser = _command(commands, "due", "remediation:due", "everything that is due, soonest first, with its basis")
    _add_parameters(parser)
    _add_since(commands)

    parser = _command(
        commands, "access", "work:access", "what a partner's apps could read: grants, removals, exemptions"
    )
    parser.add_argument("--partner", type=words, required=True, metavar="ID")
    parser.add_argument("--app", type=name, metavar="ID", help="only this one")

    parser = _command(commands, "stages", "stages:stages", "where each partner stands on the way to a passed audit")
    parser.add_argument("--stage", choices=STAGE_NAMES, metavar="STAGE", help=", ".join(STAGE_NAMES))
    _add_parameters(parser, window=False)

    parser = _command(commands, "log", "work:log", "the action log, complete, oldest first")
    parser.add_argument("--partner", type=words, metavar="ID", help="only this partner's entries")


def _add_letter_options(parser: OneLineParser) -> None:
    parser.add_argument("--format", choices=LETTER_FORMS, default="md", help="md (Markdown) or txt; default: md")
    parser.add_argument(
        "--template", type=words, metavar="FILE", help="instead of the one in FILE.templates/ or the shipped one"
    )
    parser.add_argument("--contact", type=name, metavar="TEXT", help="where it goes, if the registry does not say")
    parser.add_argument("--force", action="store_true", help="replace files that are there")


def _add_since(commands: Commands) -> None:
    parser = _command(commands, "since", "news:since", "what changed since you left: since your last session or action")
    _as_someone(parser)
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("--seq", type=whole(0, 10**18), metavar="N", help="what came after this entry of the log")
    begin.add_argument("--at", type=point, metavar="DATE", help="what came at this or later")
    parser.add_argument("--today", type=point, metavar="DATE", help="judge due dates at this (default: now)")


def _add_event_questions(commands: Commands) -> None:
    parser = _command(commands, "events", "events:events", "raw events, oldest first, each with its verdict")
    parser.add_argument("--partner", type=words, metavar="ID")
    parser.add_argument("--from", dest="from_at", type=point, metavar="DATE")
    parser.add_argument("--until", dest="until_at", type=point, metavar="DATE", help="exclusive")
    parser.add_argument("--verdict", choices=VERDICT_NAMES, metavar="VERDICT", help=", ".join(VERDICT_NAMES))
    parser.add_argument("--class", dest="data_class", type=words, metavar="PATTERN", help="e.g. group.member.*")
    parser.add_argument("--app", type=name, metavar="ID", help="exactly this id or name")
    parser.add_argument("--subject", type=name, metavar="ID", help="exactly this person's")
    parser.add_argument("--resource", type=name, metavar="ID", help="exactly this resource's")
    parser.add_argument("--endpoint", type=name, metavar="TEXT", help="with this in it, whatever its case")
    parser.add_argument("--filter", type=words, metavar="EXPR", help="as in the dashboard: person:u-7 endpoint:feed")
    parser.add_argument("--offset", type=whole(0, 10**12), default=0, metavar="N", help="leave out the first N")
    parser.add_argument("--limit", type=whole(1, 10**9), default=100, metavar="N", help="default: 100")

    parser = _command(commands, "event", "events:event", "one event in full: why its verdict, and its raw record")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--event-id", type=name, metavar="ID", help="as the log names it")
    which.add_argument(
        "--import", dest="import_id", type=_ANY_NUMBER, metavar="N", help="of this import; with --record"
    )
    parser.add_argument("--record", dest="record_no", type=_ANY_NUMBER, metavar="N", help="its number in the file")
    parser.add_argument("--raw", action="store_true", help="also the record in the original file, if that is unchanged")

    parser = _command(commands, "who", "events:who", "who read a person's, or a resource's, data, and when")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--subject", type=name, metavar="ID", help="a person's id, as in the log")
    what.add_argument("--resource", type=name, metavar="ID", help="a resource's id, as in the log")


def _add_sample(commands: Commands) -> None:
    parser = _command(
        commands,
        "sample",
        "samples:sample",
        "samples of the people to check in an audit: draw one, show one, list them",
    )
    parser.add_argument("--partner", type=words, metavar="ID", help="whose people; needed to draw")
    parser.add_argument("--sample", type=_ANY_NUMBER, metavar="N", help="the list that this entry of the log drew")
    parser.add_argument(
        "--share", type=part, metavar="P", help="draw: rule out that more than this is still held, e.g. 5%% or 0.05"
    )
    parser.add_argument("--risk", type=part, metavar="A", help="draw: at a risk below this, e.g. 5%% or 0.05")
    parser.add_argument("--seed", type=seed, metavar="HEX", help="draw: 8 to 64 hexadecimal digits (default: random)")
    parser.add_argument("--as-of", type=point, metavar="DATE", help="draw: of whom was read before this")
    parser.add_argument("--note", type=words, default="", metavar="TEXT", help="draw: what for")
    parser.add_argument("--csv", action="store_true", help="print CSV; a list of people is then an entry in the log")
    _as_someone(parser)


def _add_casework(commands: Commands) -> None:
    for verb, summary in (
        ("flag", "flag cases"),
        ("clear", "close cases on grounds, which are checked"),
        ("reopen", "reopen flagged or closed cases; needs a note"),
        ("note", "append a note; never conflicts"),
        ("assign", "give cases to someone"),
        ("undo", "take back your own last action"),
        ("redo", "take back your last undo"),
    ):
        parser = _command(commands, verb, f"casework:{verb}", summary)
        _as_someone(parser)
        parser.add_argument(
            "--partner",
            type=words,
            nargs="+",
            action="extend",
            metavar="ID",
            required=verb not in ("undo", "redo"),
            dest="partners",
        )
        if verb == "redo":
            continue
        parser.add_argument("--note", type=words, default="", metavar="TEXT")
        parser.add_argument(
            "--expect", type=whole(0, 10**18), metavar="VERSION", help="refuse if the case is not at this version"
        )
        if verb == "clear":
            parser.add_argument(
                "--grounds", choices=GROUNDS_NAMES, required=True, metavar="G", help=", ".join(GROUNDS_NAMES)
            )
            parser.add_argument("--override", action="store_true", help="close against the evidence; needs a note")
        if verb == "note":
            parser.add_argument("--privileged", action="store_true", help="keep it out of reports")
        if verb == "assign":
            whom = parser.add_mutually_exclusive_group()
            whom.add_argument("--to", type=actor, metavar="NAME", help="default: who acts")
            whom.add_argument("--nobody", action="store_true", help="take the cases back")

    parser = _command(commands, "step", "casework:step", "record a step of the remediation track or of the incident")
    about = parser.add_mutually_exclusive_group(required=True)
    about.add_argument("--partner", type=words, nargs="+", action="extend", metavar="ID", dest="partners")
    about.add_argument("--incident", action="store_true", help="a step of the incident itself")
    parser.add_argument("--step", type=name, required=True, metavar="STEP", help="e.g. notified, deletion_requested")
    parser.add_argument("--app", type=words, metavar="ID", help="the one app it is about")
    parser.add_argument("--at", type=dated_point, metavar="DATE", help="when it took effect (default: now)")
    parser.add_argument("--evidence", type=words, metavar="FILE", help="what shows it; a copy is kept beside the store")
    parser.add_argument("--due", type=point, metavar="DATE", help="when the answer is due")
    parser.add_argument("--people", type=_ANY_COUNT, metavar="N", help="statement: how many people's data it held")
    parser.add_argument("--recipient", type=words, metavar="NAME", help="recipient_...: whom the data went to")
    parser.add_argument("--sample", type=_ANY_NUMBER, metavar="N", help="sample_checked: the entry that drew it")
    parser.add_argument("--checked", type=_ANY_COUNT, metavar="N", help="sample_checked: how many were looked for")
    parser.add_argument("--found", type=_ANY_COUNT, metavar="N", help="sample_checked: how many were still held")
    parser.add_argument(
        "--letters", type=words, metavar="FOLDER", help="write each partner its letter, and cite it; see `letter`"
    )
    _add_letter_options(parser)
    parser.add_argument("--note", type=words, default="", metavar="TEXT")
    parser.add_argument("--expect", type=whole(0, 10**18), metavar="VERSION", help="refuse at any other version")
    _as_someone(parser)


def _add_trust(commands: Commands) -> None:
    parser = _command(commands, "verify", "trust:verify", "check that the store is what it was; exit 1 if it is not")
    parser.add_argument("--checkpoint", type=words, metavar="FILE", help="hold the log against this checkpoint")

    parser = _command(commands, "checkpoint", "trust:checkpoint", "write down what the log has come to")
    parser.add_argument("--to", type=words, required=True, metavar="FILE", help="the file to write")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")


def _add_files(commands: Commands) -> None:
    _command(commands, "evidence", "files:evidence", "the evidence files that steps cite, and whether each is intact")

    parser = _command(commands, "backup", "files:backup", "copy the store and its evidence files, while others work")
    parser.add_argument("--to", type=words, required=True, metavar="FILE", help="the file to write")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    _as_someone(parser)


def _add_reports(commands: Commands) -> None:
    parser = _command(commands, "report", "reports:report", "write a report that carries its proof")
    parser.add_argument(
        "--to", type=words, required=True, metavar="FILE", help="the file to write: .html, .md, .csv or .json"
    )
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--partner", type=words, metavar="ID", help="the case file of this partner")
    whose.add_argument("--disclosure", type=_ANY_NUMBER, metavar="N", help="of this disclosure, as it was frozen")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    _add_parameters(parser)
    _as_someone(parser)


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options of one call.

    Raises:
        UsageError: the call is wrong; one line says how.
        SystemExit: after `--help` and `--version`.
    """
    parser = build_parser()
    options, rest = parser.parse_known_args(arguments)
    command = options.command
    if command is None:
        raise UsageError(f"give a command, e.g. `{PROGRAM} figures --db FILE` - see `{PROGRAM} --help`")
    if rest:
        taken = _TAKES_WORDS.get(command)
        if taken is None or any(word.startswith("-") and word != "-" for word in rest):
            parser.error(f"{command} does not take {' '.join(rest)}")
        getattr(options, taken).extend(rest)
    if not options.db:
        raise UsageError(f"{command} needs --db FILE - create a store with `{PROGRAM} init --db FILE`, or try `--demo`")
    return options
