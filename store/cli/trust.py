"""The commands that tell whether a store is what it was: verify, checkpoint."""

from argparse import Namespace
from pathlib import Path

from store.cli import output
from store.cli.output import shown


def verify(options: Namespace) -> int:
    """Check the whole store; 1 where anything does not hold."""
    from store.checkpoint import read_checkpoint
    from store.connection import open_store
    from store.verify.running import BLIND_SPOT, report_document
    from store.verify.running import verify as check

    checkpoint = None if options.checkpoint is None else read_checkpoint(options.checkpoint)
    with open_store(options.db, read_only=True, lenient=True) as store, output.Progress() as progress:
        report = check(store, checkpoint, progress.show_part)
    if options.json:
        output.print_json(report_document(report))
        return 0 if report.ok else 1
    width = max(len(result.check) for result in report.results)
    lines = [
        f"{'ok    ' if result.ok else 'NOT ok'}  {result.check:<{width}}  {shown(result.says, 2_000)}"
        for result in report.results
    ]
    head = "" if report.head is None else f"; the log's head is #{report.head.seq} {report.head.hash}"
    failed = sum(not result.ok for result in report.results)
    verdict = "everything holds" if report.ok else f"{failed} of {len(report.results)} checks do not hold"
    output.print_lines([*lines, shown(f"{verdict}{head}", 400), BLIND_SPOT])
    return 0 if report.ok else 1


def checkpoint(options: Namespace) -> int:
    """Write down what the log has come to, into a file to be kept elsewhere."""
    from store.checkpoint import checkpoint_document, take_checkpoint, write_checkpoint
    from store.connection import open_store
    from store.copying import refuse_own_place

    with open_store(options.db, read_only=True, lenient=True) as store:
        refuse_own_place(Path(options.to), store.path)
        taken = take_checkpoint(store)
    write_checkpoint(taken, options.to, force=options.force)
    if options.json:
        output.print_json(checkpoint_document(taken))
    else:
        line = f"checkpoint of entry #{taken.seq} ({taken.hash[:16]}...) in {shown(options.to, 400)}"
        output.print_lines([f"{line}: keep it where whoever can write the store cannot"])
    return 0
