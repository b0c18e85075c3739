"""Whether the log still holds all that a checkpoint saw, unchanged."""

import sqlite3

from store.checkpoint import counts_of, evidence_of
from store.verify.checks import Context, Finding, Findings, valued

_INCIDENT = "SELECT uuid FROM incident"


def check_checkpoint(connection: sqlite3.Connection, context: Context) -> Findings:
    """Hold the log against the checkpoint that was given."""
    taken = context.checkpoint
    if taken is None:
        return "none was given (--checkpoint FILE)"
    incidents = [each for (each,) in connection.execute(_INCIDENT)]
    if incidents != [taken.incident]:
        yield Finding(f"it is of another incident: {taken.name} ({taken.incident})")
    entries = context.entries(connection)
    seen = [entry for entry in entries if entry.seq <= taken.seq]
    if not seen or seen[-1].seq != taken.seq:
        there = f"the log ends at #{entries[-1].seq}" if entries and entries[-1].seq < taken.seq else "it is not there"
        yield Finding(f"entry #{taken.seq}, which the checkpoint saw last, is missing: {there}")
        return ""
    last = seen[-1]
    if last.hash != taken.hash:
        yield Finding(f"entry #{taken.seq}: its hash is not the one that the checkpoint saw: the log was written anew")
    if last.at != taken.at:
        yield Finding(f"entry #{taken.seq}: its time is not the one that the checkpoint saw")
    told = [(entry.verb, entry.after) for entry in seen]
    counts = counts_of(told)
    for name in sorted(taken.counts.keys() | counts.keys()):
        if taken.counts.get(name) != counts.get(name):
            yield Finding(
                f"{name} up to entry #{taken.seq}: the log says {valued(counts.get(name))},"
                f" the checkpoint {valued(taken.counts.get(name))}"
            )
    if evidence_of(told) != taken.evidence:
        yield Finding(f"the evidence digest up to entry #{taken.seq} is not the one that the checkpoint saw")
    since = entries[-1].seq - taken.seq
    return f"entry #{taken.seq} and all before it are as the checkpoint saw them; {since:,} came since"
