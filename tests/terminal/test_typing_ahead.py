"""Bursts of keys: what is typed at once does what it does typed slowly."""

from pathlib import Path

import pytest

from store.cases import case
from store.connection import open_store
from store.ledger import actions
from store.names import find_partner
from tests.terminal.attacks import SEQUENCES, tagged
from tests.terminal.harness import Terminal
from tests.terminal.hostile_incident import build_store, partner_id

TEXTS = tagged(SEQUENCES[:12])


@pytest.fixture(scope="module")
def store_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_store(tmp_path_factory.mktemp("bursts"), TEXTS)


def dashboard(path: Path) -> Terminal:
    terminal = Terminal(["--db", str(path), "--as", "ana"], size=(120, 40))
    terminal.wait_for("12 of 12")
    return terminal


def test_a_flag_with_its_note_in_one_burst(store_path: Path) -> None:
    with dashboard(store_path) as terminal:
        terminal.type("/p004\rfquick note, no list keys: jkq*\r")
        terminal.wait_for("flagged 004")
        terminal.type("qq")
        terminal.wait_for_end()
    with open_store(store_path) as store:
        partner = find_partner(store, partner_id(TEXTS[4]))
        assert case(store, partner).status == "flagged"
        (mine,) = [action for action in actions(store) if action.actor == "ana"]
        assert (mine.verb, mine.note) == ("flag", "quick note, no list keys: jkq*")


def test_panes_and_screens_in_one_burst(store_path: Path) -> None:
    with dashboard(store_path) as terminal:
        # Before the timeline is there, its keys have nothing to move.
        terminal.wait_for("in view:")
        terminal.type("jj2++lll\r")
        terminal.wait_for("Events")
        terminal.wait_for("no event in the log")
        terminal.type("q1\r")
        terminal.wait_for("Record, newest first")
        terminal.type("e")
        terminal.type("a burst of a note\r")
        terminal.wait_for("noted on")


def test_escape_and_the_next_key_in_one_packet_are_two_keys(store_path: Path) -> None:
    with dashboard(store_path) as terminal:
        terminal.type("/p005\rfno\x1be")
        terminal.type("yes\r")
        terminal.wait_for("noted on 005")
        terminal.type("qq")
        terminal.wait_for_end()
    with open_store(store_path) as store:
        mine = [action for action in actions(store) if action.partner_id == partner_id(TEXTS[5])][-1]
        assert (mine.verb, mine.note) == ("note", "yes")


def test_the_next_case_and_a_flag_for_it_in_one_burst(store_path: Path) -> None:
    with dashboard(store_path) as terminal:
        terminal.press("enter")
        terminal.wait_for("Facts")
        terminal.type("Jfthe next one\r")
        terminal.wait_for("the next one")
        terminal.wait_for("flagged")
        terminal.type("qq")
        terminal.wait_for_end()
    with open_store(store_path) as store:
        assert [action.verb for action in actions(store) if action.note == "the next one"] == ["flag"]
