"""What a refresh keeps of the partners: all that is true now, and written only where it changed."""

from pathlib import Path

from store.fold import refresh
from store.kept import PartnerFigures, keep, kept_evidence, kept_partners
from tests.store.ingest_store import ACTOR, new_store


def figures_of(partner: int) -> PartnerFigures:
    return PartnerFigures(
        *(partner, f"p{partner}", f"Partner {partner}", True, False, True, 1, 2, 3, 4, 2**70, None, None),
        *(0, 0, None, 0, "app"),
    )


def test_only_partners_of_whom_it_says_something_new_are_written(tmp_path: Path) -> None:
    rows = [figures_of(partner) for partner in range(1, 6)]
    with new_store(tmp_path) as store, store.writing() as connection:
        refresh(connection, actor=ACTOR, at=0)
        evidence = kept_evidence(connection)
        assert evidence is not None

        def written(now: list[PartnerFigures]) -> int:
            before = connection.total_changes
            keep(connection, evidence, now)
            assert kept_partners(connection) == now
            return connection.total_changes - before

        always = written([])
        assert written(rows) == always + 5
        assert written(rows) == always
        assert written([rows[0], rows[1]._replace(people=7), *rows[3:]]) == always + 2
        assert written([]) == always + 4
