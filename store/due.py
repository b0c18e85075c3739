"""Everything that is due, soonest first: answers of partners and of onward recipients, duties of the incident."""

from typing import NamedTuple

from store.audit_rows import apps_by_partner, steps_by_partner
from store.audit_track import Step, is_overdue, progress, settling_step
from store.connection import Store
from store.incident_clocks import OVERDUE, RUNNING, clocks_in
from store.instants import format_day, format_instant
from store.names import PartnerName, partner_name
from store.parameters import Parameters, resolve
from store.reasons import due_words
from store.recipients import recipients
from store.rulebook import rulebook_in
from store.words import step_words

_GIVEN = "the date given when the step was recorded"


class DueItem(NamedTuple):
    """One thing that is due.

    Attributes:
        due: microseconds UTC; `due_is_day`: any time of that UTC day will do.
        overdue: judged at today.
        partner: internal id; None for the incident's own. `partner_id`, `name`: as outside.
        what: what is due, in words: `certificate`, `report filed`.
        step: the step that would settle it, where one would.
        app_id: the one app it is about; None for the whole partner.
        recipient: the onward recipient that is to answer; None for the partner itself.
        basis: why it is due then.
        asked_at: when the step that asks for it took effect, microseconds UTC.
    """

    due: int
    due_is_day: bool
    overdue: bool
    partner: int | None
    partner_id: str | None
    name: str
    what: str
    step: str | None
    app_id: str | None
    recipient: str | None
    basis: str
    asked_at: int | None


class DueList(NamedTuple):
    """What is due, soonest first, and how many partners are on hold: their clocks stand still."""

    items: tuple[DueItem, ...]
    on_hold: int


class _Waiting(NamedTuple):
    """A step whose answer is due, the step that settles it, and the onward recipient that is to answer."""

    step: Step
    settled_by: str | None
    recipient: str | None


def due_list(store: Store, parameters: Parameters) -> DueList:
    """Everything that is due and not settled, soonest first, judged at today; of closed cases too."""
    with store.reading() as connection:
        rulebook = rulebook_in(connection)
        view = resolve(rulebook, parameters)
        steps, apps = steps_by_partner(connection), apps_by_partner(connection)
        items = [
            DueItem(
                due=clock.due,
                due_is_day=clock.due_is_day,
                overdue=clock.state == OVERDUE,
                partner=None,
                partner_id=None,
                name="the incident",
                what=step_words(clock.step),
                step=clock.step,
                app_id=None,
                recipient=None,
                basis=clock.basis,
                asked_at=clock.starts_at,
            )
            for clock in clocks_in(store, connection, rulebook, view, kept=parameters.are_defaults())
            if clock.due is not None and clock.state in (OVERDUE, RUNNING)
        ]
        on_hold = 0
        for partner, mine in steps.items():
            now = progress(mine, apps.get(partner, []))
            on_hold += "on_hold" in now.side_states
            waiting = [_Waiting(step, settling_step(step, now.next_step), None) for step in now.open_dues]
            waiting += [
                _Waiting(step, "recipient_certified", recipient)
                for recipient, step in _asked_recipients(mine, view.today).items()
            ]
            if not waiting:
                continue
            name = partner_name(connection, partner)
            items += [_item(partner, name, each, view.today) for each in waiting]
    return DueList(tuple(sorted(items, key=_soonest)), on_hold)


def _item(partner: int, name: PartnerName, waiting: _Waiting, today: int) -> DueItem:
    step = waiting.step
    return DueItem(
        due=step.due or 0,
        due_is_day=True,
        overdue=is_overdue(step.due, today),
        partner=partner,
        partner_id=name.partner_id,
        name=name.name,
        what=due_words(waiting.settled_by) if waiting.recipient is None else "recipient's certificate",
        step=waiting.settled_by,
        app_id=step.app_id,
        recipient=waiting.recipient,
        basis=step.due_basis or _GIVEN,
        asked_at=step.at,
    )


def due_items(store: Store, parameters: Parameters) -> tuple[DueItem, ...]:
    """The items of `due_list`."""
    return due_list(store, parameters).items


def _soonest(item: DueItem) -> tuple[object, ...]:
    return item.due, item.partner is not None, item.name.casefold(), item.partner or 0, item.what, item.recipient or ""


def _asked_recipients(steps: list[Step], today: int) -> dict[str, Step]:
    """The onward recipients that were asked for deletion by a date and have not answered, each with that step."""
    lines = recipients(steps, today=today).lines
    return {line.name: line.asked for line in lines if line.due is not None and line.asked is not None}


def due_document(item: DueItem) -> dict[str, object]:
    """One item as JSON; what is due on a day bears a bare date."""
    return {
        "due": format_day(item.due) if item.due_is_day else format_instant(item.due),
        "overdue": item.overdue,
        "partner_id": item.partner_id,
        "name": item.name,
        "what": item.what,
        "step": item.step,
        "app_id": item.app_id,
        "recipient": item.recipient,
        "basis": item.basis,
        "asked_at": None if item.asked_at is None else format_instant(item.asked_at),
    }
