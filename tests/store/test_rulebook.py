"""Rulebooks: what is read, what is refused with one line, and that nothing is lost by loading another."""

import json
import sqlite3
from pathlib import Path

import pytest

from store.connection import open_store
from store.errors import UnusableFileError
from store.instants import format_instant
from store.ledger import actions
from store.rulebook import current_rulebook, load_rules, parse_rulebook, preset_names, preset_text
from store.schema import create_store

RULE = '[[rules]]\nid = "r"\ndata_classes = ["a.*"]\nfrom = 2018-04-04\n'


def test_the_preset_is_the_founding_case() -> None:
    rulebook = parse_rulebook(preset_text("groups-api-2018"), source="preset")
    assert format_instant(rulebook.as_of or 0) == "2019-11-05T00:00:00Z"
    assert format_instant(rulebook.cutoff or 0) == "2018-04-04T00:00:00Z"
    (rule,) = rulebook.rules
    assert (rule.accepts_opt_in, rule.accepts_exemption, rule.apps) == (True, True, None)
    assert rulebook.scopes["user_managed_groups"] == ("group.*",)
    assert rulebook.window_days == 60
    assert "groups-api-2018" in preset_names()


def test_dates_and_instants_are_read_alike() -> None:
    texts = ("2018-04-04", "2018-04-04T00:00:00Z", "2018-04-04T02:00:00+02:00", '"2018-04-04"')
    cutoffs = {
        parse_rulebook(f'[[rules]]\nid="r"\ndata_classes=["*"]\nfrom={text}\n', source="x").cutoff for text in texts
    }
    assert len(cutoffs) == 1


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("[incident\n", "not a usable rulebook"),
        ("[rule]\n", "does not know rule"),
        ("[incident]\nasof = 2019-01-01\n", "does not know asof"),
        ("[incident]\nas_of = 2019-01-01T00:00:00\n", "without an offset"),
        ("[incident]\nas_of = 5\n", "must be a date or an instant"),
        ("[incident]\nwindow_days = 0\n", "window_days"),
        ("[incident]\nwindow_days = true\n", "window_days"),
        ("[incident]\nremoval_grace = 'soon'\n", "no duration"),
        ("[scopes]\nx = 'a'\n", "must be a list"),
        ("[scopes]\nx = ['a*b']\n", "is no pattern"),
        ('[[rules]]\ndata_classes = ["a"]\nfrom = 2018-01-01\n', "needs an id"),
        ('[[rules]]\nid = "r"\nfrom = 2018-01-01\n', "needs data_classes"),
        ('[[rules]]\nid = "r"\ndata_classes = []\nfrom = 2018-01-01\n', "names no data class"),
        (RULE + "until = 2018-04-04\n", "not after its from"),
        (RULE + 'except = ["optin"]\n', "unknown exception"),
        (RULE + RULE, "two rules have the id"),
        (RULE + "untill = 2019-01-01\n", "does not know untill"),
        ('[[rules]]\nid = "r"\ndata_classes = ["a"]\nfrom = 2018-13-01\n', "not a usable rulebook"),
    ],
)
def test_a_bad_rulebook_is_refused_in_one_line(toml: str, says: str) -> None:
    with pytest.raises(UnusableFileError, match=r"book\.toml") as refused:
        parse_rulebook(toml, source="book.toml")
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_loading_keeps_the_earlier_rulebook_and_is_logged(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    create_store(path, name="x", actor="ana", at=0)
    with open_store(path) as store:
        assert current_rulebook(store).rules == ()
        load_rules(store, RULE, source="one.toml", actor="ana")
        load_rules(store, RULE.replace("2018", "2017"), source="two.toml", actor="bo")
        assert format_instant(current_rulebook(store).cutoff or 0) == "2017-04-04T00:00:00Z"
        first, second = (action for action in actions(store) if action.verb == "load_rules")
        assert (first.actor, second.actor) == ("ana", "bo")
        assert json.loads(second.before or "{}")["source"] == "one.toml"
        with pytest.raises(UnusableFileError):
            load_rules(store, "[rules", source="three.toml", actor="bo")
    plain = sqlite3.connect(path)
    assert [row[0] for row in plain.execute("SELECT source FROM rulebooks ORDER BY rulebook_id")] == [
        "one.toml",
        "two.toml",
    ]
    plain.close()
