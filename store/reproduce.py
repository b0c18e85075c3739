"""Whether a disclosure can be derived again: its figures from the store as it was known then, its evidence, its proof.

Equal means: the same figures come out of the evidence and the log, no row of that evidence was changed since it was
imported, the record holds, and the document is the one that was frozen. What nobody can see without a checkpoint kept
elsewhere, see `store.verify`, nobody can see here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from store.connection import Store
from store.copying import Progress
from store.disclosure import Disclosure, digest_of, disclosure_in, read_disclosure
from store.disclosure_content import content_of, parameters_of, tool_document
from store.known_then import Then, copied_to_go_back
from store.ledger import canonical
from store.verify.checks import Check
from store.verify.entries import Entry

# What a figure rests on besides the evidence. Of the others, some are about the file, and some take a checkpoint.
_OF_THE_RECORD = frozenset(
    ("action log", "incident", "cases", "steps", "citations", "imports", "quarantine", "rulebooks", "disclosures")
)


class Difference(NamedTuple):
    """What does not come out as it was frozen.

    Attributes:
        path: in the document: `figures.accessed.people`, `populations.recent`, `imports.7.evidence`.
        then: as it was frozen; None where it was not there.
        again: as it came out again; None where it did not.
    """

    path: str
    then: object
    again: object


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came of deriving a disclosure again.

    Attributes:
        differences: between what was frozen and what comes out now.
        findings: what was changed since: evidence, the record, or the document; a line each, naming it.
        remarks: what is no fault and is worth knowing, such as another version of the program.
        imports: how many complete imports were known then.
    """

    disclosure_id: int
    name: str
    seq: int
    sha256: str
    differences: tuple[Difference, ...]
    findings: tuple[str, ...]
    remarks: tuple[str, ...]
    imports: int

    @property
    def equal(self) -> bool:
        """Whether everything comes out as it was frozen, and nothing it rests on was changed."""
        return not self.differences and not self.findings


def reproduce(
    store: Store, disclosure_id: int, progress: Progress | None = None, *, file: Path | str | None = None
) -> Reproduction:
    """Derive a disclosure again, in a private copy in which everything after its entry of the log is taken back.

    Args:
        file: an exported file of it, kept elsewhere, which must be the same: what a checkpoint is to the log.

    Raises:
        UsageError: there is none of that number.
        UnusableFileError: there is no room for a copy, or the store, or the file, cannot be read.
    """
    exported = None if file is None else read_disclosure(file)
    with store.reading() as connection:
        disclosure_in(connection, disclosure_id)
    with copied_to_go_back(store, progress) as then:
        frozen = disclosure_in(then.connection, disclosure_id)
        findings = [*_wrong_with_document(frozen, then.entries), *_wrong_with_record(then, progress)]
        if exported is not None:
            findings += _wrong_with_file(frozen, *exported)
        then.go_back(frozen.seq)
        findings += _wrong_with_evidence(then, progress)
        if progress is not None:
            progress("counting again", None)
        again = content_then(then, frozen)
    differences = tuple(differences_between(frozen.document, again))
    remarks = []
    tool = tool_document()
    if frozen.document["tool"] != tool:
        was = frozen.document["tool"]
        remarks.append(
            f"it was frozen by version {was.get('version')} with schema {was.get('schema')}, and derived again by"
            f" version {tool['version']} with schema {tool['schema']}"
        )
    return Reproduction(
        disclosure_id=frozen.disclosure_id,
        name=frozen.name,
        seq=frozen.seq,
        sha256=frozen.sha256,
        differences=differences,
        findings=tuple(dict.fromkeys(findings)),
        remarks=tuple(remarks),
        imports=len(again["imports"]),
    )


def content_then(then: Then, frozen: Disclosure) -> dict[str, Any]:
    """What the disclosure keeps, computed in the copy, which has gone back to it."""
    then.make_figures()
    with then.store.reading() as connection:
        return content_of(then.store, connection, parameters_of(frozen.document["parameters"]))


def _wrong_with_document(frozen: Disclosure, entries: list[Entry]) -> Iterator[str]:
    """Whether the document is the one that the log's entry tells of, and whether the log went on from where it says."""
    called = f"disclosure {frozen.disclosure_id}"
    digest = digest_of(frozen.text)
    by_seq = {entry.seq: entry for entry in entries}
    entry = by_seq.get(frozen.seq)
    if digest != frozen.sha256 or canonical(frozen.document) != frozen.text:
        yield f"{called}: its document is not the one whose digest stands beside it"
    if entry is None or entry.verb != "disclose" or entry.told("disclosure_id") != frozen.disclosure_id:
        yield f"{called}: entry #{frozen.seq} of the log does not tell of it"
    elif entry.told("sha256") != digest:
        yield f"{called}: its document is not the one that entry #{frozen.seq} of the log tells of"
    head = by_seq.get(frozen.head_seq)
    if frozen.head_seq != frozen.seq - 1 or head is None or head.hash != frozen.head_hash:
        yield f"{called}: the log before entry #{frozen.seq} is not the one that it was frozen on"


def _wrong_with_file(frozen: Disclosure, its_digest: str, it_tells: str) -> Iterator[str]:
    if its_digest != it_tells:
        yield "the file: its disclosure is not the one whose digest stands beside it"
    if its_digest != digest_of(frozen.text):
        yield f"the file: its disclosure is not disclosure {frozen.disclosure_id} of this store"


def _wrong_with_record(then: Then, progress: Progress | None) -> list[str]:
    from store.verify.catalogue import CHECKS
    from store.verify.running import verify

    checks = [check for check in CHECKS if check.name in _OF_THE_RECORD]
    report = verify(then.connection, checks=checks, progress=progress)
    return [f"{result.check}: {line}" for result in report.results for line in result.findings]


def _wrong_with_evidence(then: Then, progress: Progress | None) -> list[str]:
    from store.verify.checks import Context
    from store.verify.evidence import check_known_evidence
    from store.verify.running import run_check
    from store.verify.scan import checking

    context = Context(then.path, None, lambda _: None)
    with checking(then.path, "rw") as connection:
        result = run_check(Check("evidence", check_known_evidence), connection, context, progress)
    return [f"evidence: {line}" for line in result.findings]


def differences_between(frozen: Mapping[str, Any], again: Mapping[str, Any]) -> Iterator[Difference]:
    """Where what comes out now is not what was frozen; imports are told by their numbers.

    What only the newer of two versions of the program tells is no difference.
    """
    grown = frozen["tool"] != tool_document()
    for part in again:
        then, now = (_by_number(part, each.get(part)) for each in (frozen, again))
        yield from _compare(part, then, now, grown=grown)


def _by_number(part: str, value: Any) -> Any:
    if part == "imports" and isinstance(value, list):
        return {str(each.get("import_id")): each for each in value}
    return value


def _compare(path: str, then: Any, again: Any, *, grown: bool) -> Iterator[Difference]:
    if isinstance(then, dict) and isinstance(again, dict):
        for name in [*then, *(name for name in again if name not in then)]:
            if name in then or not grown:
                yield from _compare(f"{path}.{name}", then.get(name), again.get(name), grown=grown)
    elif canonical(then) != canonical(again):
        yield Difference(path, then, again)


def reproduction_document(found: Reproduction) -> dict[str, object]:
    """What `python -m store reproduce --json` prints."""
    return {
        "disclosure_id": found.disclosure_id,
        "name": found.name,
        "seq": found.seq,
        "sha256": found.sha256,
        "equal": found.equal,
        "figures_equal": not found.differences,
        "differences": [each._asdict() for each in found.differences],
        "findings": list(found.findings),
        "remarks": list(found.remarks),
        "imports": found.imports,
    }
