"""One partner's apps: what each could do, what it read last, and whether its removal is proven."""

from typing import NamedTuple

from store.app_figures import FAILED, PROVEN, UNTESTED, proof_of_removal
from store.connection import Store
from store.instants import format_optional
from store.parameters import Parameters, resolve
from store.rulebook import rulebook_in

__all__ = ["FAILED", "PROVEN", "UNTESTED", "AppRow", "app_document", "partner_apps", "proof_of_removal"]


class AppRow(NamedTuple):
    """One app of a partner; events before as-of.

    Attributes:
        name: as the registry says; the id where it says nothing.
        removed_at: its last removal, microseconds UTC; None without any.
        first_at, last_at: first and last improper event, microseconds UTC; None without any.
        events: improper events. `after_removal`: those after a removal without a re-grant.
        denied_after: denied events after a removal without a re-grant.
        proof: of its removal: `failed` (improper reads after it), `proven` (denied attempts and none that succeeded),
            `untested` (silence); None without a removal.
    """

    app_id: str
    name: str
    removed_at: int | None
    first_at: int | None
    last_at: int | None
    events: int
    after_removal: int
    denied_after: int
    proof: str | None


def partner_apps(store: Store, partner: int, parameters: Parameters) -> list[AppRow]:
    """The apps of a partner (internal id), those that read after their removal first, then by name."""
    from store.judge import DENIED, IMPROPER
    from store.partner_events import partner_events
    from store.world import world_under

    with store.reading() as connection:
        view = resolve(rulebook_in(connection), parameters)
        world = world_under(store, connection, parameters.variation)
        columns, judged = partner_events(connection, world, partner)
        what_if = view.what_if_cutoff
        if what_if is not None:
            judged = world.judge(columns, cutoff=what_if)
        before = columns.occurred_at < view.as_of
        registry = world.registry
        rows = []
        for app in registry.apps_of.get(partner, ()):
            mine = before & (columns.app == app)
            verdict, times, after = judged.verdict[mine], columns.occurred_at[mine], columns.after[mine]
            improper = times[verdict == IMPROPER]
            after_removal = int((after & (verdict == IMPROPER)).sum())
            denied_after = int((after & (verdict == DENIED)).sum())
            removed_at = next((at for at in reversed(registry.removals.get(app, [])) if at < view.as_of), None)
            rows.append(
                AppRow(
                    app_id=registry.app_ids[app],
                    name=world.label(app),
                    removed_at=removed_at,
                    first_at=int(improper.min()) if len(improper) else None,
                    last_at=int(improper.max()) if len(improper) else None,
                    events=len(improper),
                    after_removal=after_removal,
                    denied_after=denied_after,
                    proof=None if removed_at is None else proof_of_removal(after_removal, denied_after),
                )
            )
    return sorted(rows, key=lambda row: (-row.after_removal, row.name.casefold(), row.app_id))


def app_document(row: AppRow) -> dict[str, object]:
    """One app as JSON."""
    return {
        **row._asdict(),
        "removed_at": format_optional(row.removed_at),
        "first_at": format_optional(row.first_at),
        "last_at": format_optional(row.last_at),
    }
