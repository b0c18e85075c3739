"""The command that writes a report."""

from argparse import Namespace
from pathlib import Path

from store.cli import output
from store.cli.common import actor_of, opened, parameters_of, partner_of
from store.cli.output import shown
from store.errors import UsageError


def report(options: Namespace) -> int:
    """Write a report of the incident, of a disclosure, or the case file of a partner; an entry in the log."""
    from store.report.writing import export, exported_document

    own = ("as_of", "cutoff", "window", "today")
    if options.disclosure is not None and any(getattr(options, name) is not None for name in own):
        raise UsageError("a disclosure has its own parameters: leave out --as-of, --cutoff, --window and --today")
    with opened(options) as store:
        done = export(
            store,
            Path(options.to),
            parameters_of(options),
            actor=actor_of(options),
            partner=partner_of(store, options.partner),
            disclosure_id=options.disclosure,
            force=options.force,
        )
    if done.seq is None:
        output.say("the store is read-only: this report is not in its log")
    if options.json:
        output.print_json(exported_document(done))
    else:
        recorded = "" if done.seq is None else f", entry #{done.seq} of the log"
        output.print_lines(
            [f"report in {shown(str(done.file), 400)}: {done.size:,} bytes, SHA-256 {done.sha256}{recorded}"]
        )
    return 0
