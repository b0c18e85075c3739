"""What partners are called: registry names, apps that nobody claims, hostile ids, and the nearest id to a wrong one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import cases
from store.connection import Store
from store.errors import UsageError
from store.names import find_partner, find_partners, partner_id_of, partner_name, partner_names
from tests.store.casework import NOON, add_registry, new_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    names = {"p-0041": "Ribbon Social", "p-0042": "Castaway Live", "22041": "Lone App"}
    registry = {"p-0041": ["118804"], "p-0042": [], "dev@example.org": [], "": ["22041"]}
    with new_store(tmp_path / "incident.db", registry, names) as opened:
        yield opened


def called(store: Store) -> dict[str, tuple[str, bool]]:
    with store.reading() as connection:
        return {name.partner_id: (name.name, name.claimed) for name in partner_names(connection).values()}


def void_all_but_first(store: Store) -> None:
    with store.writing() as connection:
        connection.execute("UPDATE imports SET voided_at = ? WHERE import_id > 1", (NOON,))


def test_partners_are_called_as_the_registry_says(store: Store) -> None:
    assert called(store) == {
        "p-0041": ("Ribbon Social", True),
        "p-0042": ("Castaway Live", True),
        "dev@example.org": ("dev@example.org", True),
        "app:22041": ("Lone App", False),
    }


def test_one_name_is_the_same_as_among_all(store: Store) -> None:
    add_registry(store, {"p-0041": ["22041"]}, {"p-0041": "Ribbon Social Ltd"})
    with store.reading() as connection:
        for partner, name in partner_names(connection).items():
            assert partner_name(connection, partner) == name
            assert partner_id_of(connection, partner) == name.partner_id


def test_a_claimed_app_is_no_partner_until_its_claim_is_voided(store: Store) -> None:
    add_registry(store, {"p-0041": ["22041"]}, {"p-0041": "Ribbon Social Ltd"})
    assert "app:22041" not in called(store)
    assert called(store)["p-0041"] == ("Ribbon Social Ltd", True)
    void_all_but_first(store)
    assert called(store)["app:22041"] == ("Lone App", False)
    assert called(store)["p-0041"] == ("Ribbon Social", True)


def test_a_partner_of_a_voided_import_is_unknown_unless_worked_on(store: Store) -> None:
    add_registry(store, {"p-1": [], "p-2": []})
    cases.flag(store, [find_partner(store, "p-2")], actor="ana")
    void_all_but_first(store)
    assert "p-1" not in called(store)
    assert called(store)["p-2"] == ("p-2", True)


def test_the_nearest_ids_are_named(store: Store) -> None:
    for wanted, told in (
        ("p-0014", "no such partner: 'p-0014'; the nearest: p-004"),
        ("ribbon social", "no such partner: 'ribbon social'; the nearest: p-0041"),
        ("P-0042", "no such partner: 'P-0042'; the nearest: p-0042"),
        ("\x1b]52;c;aGk=\x07", r"no such partner: '\x1b]52;c;aGk=\x07' - `python -m store partners` lists the 4"),
    ):
        with pytest.raises(UsageError) as refused:
            find_partner(store, wanted)
        assert str(refused.value).startswith(told)


def test_blanks_and_the_case_of_mail_addresses_do_not_matter(store: Store) -> None:
    with store.reading() as connection:
        ids = {name.partner_id: partner for partner, name in partner_names(connection).items()}
    assert find_partners(store, [" p-0041 ", "Dev@Example.ORG", "app:22041"]) == [
        ids["p-0041"],
        ids["dev@example.org"],
        ids["app:22041"],
    ]
    with pytest.raises(UsageError):
        find_partner(store, "APP:22041")


def test_an_empty_store_says_so(tmp_path: Path) -> None:
    with new_store(tmp_path / "empty.db", {}) as empty, pytest.raises(UsageError, match="knows no partners yet"):
        find_partner(empty, "p1")


IDS = st.sampled_from(["x", "app:x", "app:app:x", "app:app:app:x", "y", "app:y"])


@settings(max_examples=40, deadline=None)
@given(st.sets(IDS), st.sets(IDS))
def test_an_app_never_bears_a_partners_id_nor_another_apps(
    tmp_path_factory: pytest.TempPathFactory, partners: set[str], apps: set[str]
) -> None:
    registry = dict.fromkeys(sorted(partners), ()) | {"": sorted(apps)}
    with new_store(tmp_path_factory.mktemp("names") / "incident.db", registry) as store, store.reading() as connection:
        names = partner_names(connection)
        assert len({name.partner_id for name in names.values()}) == len(partners) + len(apps)
        assert partners == {name.partner_id for name in names.values() if name.claimed}
        for partner, name in names.items():
            assert partner_id_of(connection, partner) == name.partner_id
            assert find_partner(store, name.partner_id) == partner
