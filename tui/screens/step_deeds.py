"""What a chosen step does in the store: recorded for all its partners at once, with a letter to each where asked for.

For a thread: it touches no widget, and says how far it is through a callback.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from store import audits
from store.bulk import tell
from store.cases import Done
from store.connection import Store
from store.errors import RefusedError
from store.instants import now
from store.loose_ends import loose_ends
from store.parameters import Parameters
from tui.screens.incident_step_dialog import IncidentStepChoice
from tui.screens.step_dialog import StepChoice
from tui.text import number

Say = Callable[[str], None]
_MEGABYTE = 1_000_000
_FEW = 3


class Recorded(NamedTuple):
    """What came of a step: what was done, and by internal id why partners were left out."""

    done: Done
    exceptions: Mapping[int, str]


def record(
    store: Store, choice: StepChoice, *, actor: str, expect: dict[int, int], parameters: Parameters, say: Say
) -> Recorded:
    """Record a chosen step; one undo takes it back, for however many partners it is.

    Raises:
        StoreError: what `record_step` and `tell` raise; or no letter could be written to anybody.
    """
    if choice.letters is None:
        done = audits.record_step(
            store,
            choice.partners,
            actor=actor,
            step=choice.step,
            at=choice.at,
            at_is_date=choice.at_is_date,
            app_id=choice.app_id,
            due=choice.due,
            note=choice.note,
            evidence=choice.evidence,
            details=choice.details,
            expect=expect,
            progress=_bytes_said(choice.evidence, say),
        )
        return Recorded(done, {})
    told = tell(
        store,
        choice.partners,
        Path(choice.letters).expanduser(),
        actor=actor,
        step=choice.step,
        at=choice.at,
        at_is_date=choice.at_is_date,
        due=choice.due,
        note=choice.note,
        parameters=parameters,
        expect=expect,
        progress=lambda done, total: say(f"{number(done)} of {number(total)} letters"),
    )
    if told.done is None:
        reasons = list(dict.fromkeys(told.exceptions.values()))
        more = f" and {len(reasons) - _FEW} more reasons" if len(reasons) > _FEW else ""
        raise RefusedError(f"nobody could be told: {'; '.join(reasons[:_FEW])}{more}")
    return Recorded(told.done, told.exceptions)


def record_of_incident(store: Store, choice: IncidentStepChoice, *, actor: str, say: Say) -> Done:
    """Record a step of the incident."""
    return audits.record_step(
        store,
        [],
        actor=actor,
        step=choice.step,
        at=choice.at,
        at_is_date=choice.at_is_date,
        note=choice.note,
        evidence=choice.evidence,
        progress=_bytes_said(choice.evidence, say),
    )


def _bytes_said(path: str | None, say: Say) -> Callable[[int, int], None]:
    """Says how much of a large file has been copied."""
    name = Path(path or "").name

    def progress(done: int, total: int) -> None:
        if total > _MEGABYTE:
            say(f"{name}: {number(done // _MEGABYTE)} of {number(total // _MEGABYTE)} MB")

    return progress


def open_ends(store: Store, partners: list[int], *, passing: bool) -> dict[int, tuple[str, ...]]:
    """What is still open about partners (internal ids), as the store will judge it when it is recorded.

    Args:
        passing: an audit is being passed: what is due of it is settled by that.
    """
    today = now()
    found = {partner: loose_ends(store, partner, today=today, passing=passing) for partner in partners}
    return {partner: ends for partner, ends in found.items() if ends}
