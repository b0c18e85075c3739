"""What the log says of disclosures and claims, held against their tables."""

import hashlib
import sqlite3
from typing import Any

from store.verify.checks import Context, Finding, Findings
from store.verify.replay import Json, Told, differences, rows_of
from store.words import counted

_DISCLOSURES = "SELECT * FROM disclosures ORDER BY disclosure_id"
_CLAIMS = "SELECT * FROM claims ORDER BY claim_id"


def check_disclosures(connection: sqlite3.Connection, context: Context) -> Findings:
    """Each disclosure is the one that was frozen, to the letter."""
    told: dict[tuple[Any], Told] = {}
    for entry in context.entries(connection):
        if entry.verb == "disclose":
            disclosure_id = entry.told("disclosure_id")
            columns = {
                "disclosure_id": disclosure_id,
                "name": entry.told("name"),
                "sha256": entry.told("sha256"),
                "seq": entry.seq,
            }
            told[disclosure_id,] = Told(f"disclosure {disclosure_id}", entry.seq, columns)
    found = rows_of(connection, _DISCLOSURES, ("disclosure_id",))
    yield from differences(told, found, lambda key, _: f"disclosure {key[0]}")
    for key, row in told.items():
        if key in found and _sha256(found[key].get("document")) != row.columns["sha256"]:
            yield Finding(f"{row.name}: its document is not the one that entry #{row.seq} tells of")
    return f"{counted(len(told), 'disclosure')}, each as it was frozen"


def check_claims(connection: sqlite3.Connection, context: Context) -> Findings:
    """Each claim is the one that was made, and withdrawn where the log says so."""
    told: dict[tuple[Any], Told] = {}
    for entry in context.entries(connection):
        document = entry.told("claim")
        if entry.verb == "claim" and isinstance(document, dict):
            columns = {
                **{name: document.get(name) for name in ("claim_id", "sentence", "figure", "comparison", "value")},
                "parameters": Json(document.get("parameters")),
                "seq": entry.seq,
                "withdrawn_by": None,
            }
            told[columns["claim_id"],] = Told(f"claim {columns['claim_id']}", entry.seq, columns)
        elif entry.verb == "withdraw_claim":
            key = (entry.told("claim_id"),)
            if key not in told:
                yield Finding(f"entry #{entry.seq}: it withdraws claim {key[0]}, which no entry tells of")
                continue
            told[key].columns["withdrawn_by"] = entry.seq
    found = rows_of(connection, _CLAIMS, ("claim_id",))
    yield from differences(told, found, lambda key, _: f"claim {key[0]}")
    return f"{counted(len(told), 'claim')}, each as it was made"


def _sha256(text: object) -> str | None:
    # A document is canonical JSON, in ASCII, so that the bytes to be hashed are in no doubt.
    return hashlib.sha256(text.encode("ascii")).hexdigest() if isinstance(text, str) and text.isascii() else None
