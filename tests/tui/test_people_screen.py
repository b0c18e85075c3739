"""The people on the screen: every number against plain sets of the raw records, and its list; lists into files."""

import asyncio
import csv
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from fixtures.groups_api_2019.generate import generate
from store import people_compared
from store.__main__ import main
from store.connection import Store, open_store
from store.ingest.importing import import_paths
from store.instants import parse_point
from store.ledger import actions
from store.parameters import Parameters
from store.people_compared import BEYOND, PEOPLE, SHARED, TOGETHER
from store.rulebook import preset_text
from tests import oracle, small_incident
from tests.differential import build as build_store_of
from tests.incident_files import write_file
from tests.terminal.hostile_incident import build_store
from tests.tui.screens import check_golden, press, screen_lines, text
from tests.visible_text import hidden_in
from tui.app import OverscopeApp
from tui.screens.board import BoardScreen
from tui.screens.case import CaseScreen
from tui.screens.export_dialog import ExportDialog
from tui.screens.people import PeopleScreen
from tui.screens.people_rows import PeopleRowsScreen
from tui.screens.stages import StagesScreen
from tui.screens.who_read import WhoReadScreen
from tui.screenshot import settled
from tui.widgets.bars import MessageBar
from tui.widgets.fields import Choice, TextField
from tui.widgets.people_list import PeopleList
from tui.widgets.people_matrix import PeopleMatrix

Flow = Callable[[Pilot[int]], Awaitable[None]]
HOSTILE = ["[@click=app.quit]x[/nope]", "\x1b]52;c;aGk=\x07", "\u202edlrow", "=HYPERLINK(1)|", "日本" * 30]
# Besides its own people each of these partners reads so many of the first one's.
SHARED_PEOPLE = {1: 30, 2: 12, 3: 12, 4: 1}


def extra_events() -> list[dict[str, object]]:
    return [
        {**small_incident.read(place, number, f"s{place}"), "subject_id": f"person-0-{number}"}
        for place, many in SHARED_PEOPLE.items()
        for number in range(many)
    ]


def registry() -> list[dict[str, object]]:
    """Of every third of the first partner's people where they live, and of some whether they are minors."""
    ages = {0: "true", 1: "false"}
    return [
        {"subject_id": f"person-0-{number}", "country": "DE" if number % 2 else "US", "minor": ages.get(number % 4)}
        for number in range(0, 60, 3)
    ]


def build(folder: Path, *, subjects: bool = True) -> Path:
    path = small_incident.build(folder)
    files = [write_file(folder / "access_events-2.jsonl", "access_events", extra_events())]
    files += [write_file(folder / "subjects.jsonl", "subjects", registry())] if subjects else []
    with open_store(path) as store:
        import_paths(store, files, actor="ana")
    return path


def people_by_partner() -> list[set[str]]:
    """Whom each partner read, in the order of the registry."""
    events = [
        *(small_incident.read(place, number) for place in range(6) for number in range(60 - 10 * place)),
        *extra_events(),
    ]
    return [{str(each["subject_id"]) for each in events if each["app_id"] == f"a-{place}"} for place in range(6)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(build(tmp_path_factory.mktemp("people"))) as opened:
        yield opened


def run(store: Store, flow: Flow, size: tuple[int, int] = (80, 24), today: str = small_incident.TODAY) -> None:
    async def go() -> None:
        app = OverscopeApp(store, Parameters(today=parse_point(today)), actor="bo", watch=False)
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            await flow(pilot)

    asyncio.run(go())


def matrix(pilot: Pilot[int]) -> PeopleMatrix:
    assert isinstance(pilot.app.screen, PeopleScreen)
    return pilot.app.screen.matrix


def top(pilot: Pilot[int]) -> type:
    return type(pilot.app.screen)


def said(pilot: Pilot[int]) -> str:
    return pilot.app.screen.query_one(MessageBar).message[0]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_golden(store: Store, size: tuple[int, int]) -> None:
    name = f"{size[0]}x{size[1]}"

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "O", "g", "j", "l", "l", "l", "l")
        check_golden(pilot.app, f"people-{name}")
        await press(pilot, "enter")
        check_golden(pilot.app, f"people-rows-{name}")
        await press(pilot, "x")
        check_golden(pilot.app, f"people-export-{name}")

    run(store, flow, size)


def test_golden_marked_and_without_a_registry(tmp_path: Path) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "space", "space", "O")
        check_golden(pilot.app, "people-marked-80x24")
        assert "No registry of people was imported" in text(pilot)
        await press(pilot, "g", "enter")
        assert "read by any partner of the" in text(pilot)

    with open_store(build(tmp_path, subjects=False)) as plain:
        run(plain, flow)


# -- the numbers on the screen -----------------------------------------------------------------------------------------


def numbers_shown(pilot: Pilot[int], partners: int) -> tuple[list[int], dict[str, list[str]]]:
    """The numbers of the shared columns in sight, and by its place each line's numbers as they stand there."""
    lines = screen_lines(pilot.app)
    (header,) = [line for line in lines if "Only here  Beyond" in line or re.search(r"Only here +Beyond", line)]
    columns = [int(each) for each in re.findall(r"\d+", header.split("Beyond")[1])]
    found: dict[str, list[str]] = {}
    for line in lines[lines.index(header) + 1 :]:
        if not re.match(r"│.*\d", line):
            break
        end = 2 + len(str(partners))
        place, rest = line[2:end].strip(), line[end:]
        numbers = re.findall(r"(?<=[ \[])(?:≥?[\d,]+|-|·)(?=[ \]│]|$)", rest)
        found[place or f"={len(found)}"] = [each.lstrip("≥") for each in numbers[-3 - len(columns) :]]
    return columns, found


async def all_numbers(pilot: Pilot[int], partners: int) -> dict[tuple[str, int], str]:
    """Every number of the matrix by its line's place and its column, read off the screen."""
    found: dict[tuple[str, int], str] = {}
    for _ in range(SHARED + partners):
        columns, lines = numbers_shown(pilot, partners)
        for place, numbers in lines.items():
            assert len(numbers) == SHARED + len(columns), (place, numbers)
            for column, number in zip([0, 1, 2, *(each + SHARED - 1 for each in columns)], numbers, strict=True):
                assert found.setdefault((place, column), number) == number
        await press(pilot, "l")
    return found


def expected_numbers(sets: list[set[str]], everybody: list[set[str]]) -> dict[tuple[str, int], str]:
    """The same of plain sets: of those compared, in order, and of all partners."""
    found = {}
    for place, mine in enumerate(sets):
        others = [each for each in everybody if each is not mine]
        rest = [each for each in sets if each is not mine]
        numbers = [len(mine), len(mine.difference(*others)), len(mine.difference(*rest))]
        told = [f"{each:,}" for each in [*numbers, *(len(mine & other) for other in sets)]]
        told[SHARED + place] = "·"
        found.update({(str(place + 1), column): number for column, number in enumerate(told)})
    return found


def test_the_numbers_on_the_screen_are_those_of_the_sets(store: Store) -> None:
    everybody = people_by_partner()
    ordered = sorted(everybody, key=len, reverse=True)
    assert len({len(each) for each in everybody}) == len(everybody)

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "O")
        shown = await all_numbers(pilot, len(ordered))
        wanted = expected_numbers(ordered, everybody)
        assert {key: shown[key] for key in wanted} == wanted
        together = len(set().union(*everybody))
        assert shown["=0", PEOPLE] == f"{together:,}"
        assert f"{together:,} people" in text(pilot)
        known = {str(each["subject_id"]): each for each in registry()}
        minors = sum(each["minor"] == "true" for each in known.values())
        told = sum(each["minor"] is not None for each in known.values())
        assert re.search(rf"Minors +{minors} +of {told} whose age", text(pilot))
        americans = sum(each["country"] == "US" for each in known.values())
        assert f"US {americans} " in text(pilot)
        assert f"not told {together - len(known)}" in text(pilot)

    run(store, flow)


def test_the_demo_on_the_screen_and_in_the_file_is_that_of_its_raw_records(tmp_path: Path) -> None:
    files = tmp_path / "files"
    generate(files)
    rules = tmp_path / "rules.toml"
    rules.write_text(preset_text("groups-api-2018"), "utf-8")
    incident = oracle.load(files, rules)
    read: dict[int, set[str]] = {}
    for event in oracle.view(incident, None, None, None).improper():
        if event.subject_id is not None:
            read.setdefault(incident.partner_of_app[event.app_id], set()).add(event.subject_id)
    everybody = list(read.values())
    ordered = sorted(everybody, key=len, reverse=True)
    first = max(read, key=lambda each: len(read[each]))
    mine = oracle.people(incident, incident.outside_ids[first])
    registered = {each["subject_id"]: each for each in csv.DictReader((files / "subjects.csv").open(encoding="utf-8"))}
    people: set[str] = set().union(*everybody)
    minors = sum(registered[each]["minor"] == "true" for each in people if each in registered)
    target = tmp_path / "people.csv"

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "O")
        await press(pilot, "g", "j", "enter")
        assert f"≥{len(ordered[0]):,} people" in text(pilot)
        await write(pilot, target)
        rows = list(csv.DictReader(target.open(encoding="utf-8", newline="")))
        assert {row["subject_id"] for row in rows} == set(mine)
        for row in rows:
            told = mine[row["subject_id"]]
            assert (parse_point(row["first_at"]), parse_point(row["last_at"])) == (told["first_at"], told["last_at"])
            assert row["data_classes"].split("|") == told["data_classes"]
            known_as = registered.get(row["subject_id"], {"country": "", "minor": ""})
            assert (row["country"], row["minor"]) == (known_as["country"], known_as["minor"])
        await press(pilot, "escape")
        shown = await all_numbers(pilot, len(ordered))
        # Partners of as many people may stand either way round: what each of their lines says is compared as a whole.
        wanted = expected_numbers(ordered, everybody)
        for column in (0, 1, 2):
            told, known = (
                sorted(number for (place, at), number in each.items() if at == column and place.isdigit())
                for each in (shown, wanted)
            )
            assert told == known, column
        sizes = [len(each) for each in ordered]
        sure = [place for place, size in enumerate(sizes) if sizes.count(size) == 1]
        assert len(sure) > 40
        for one in sure:
            for other in sure:
                key = (str(one + 1), SHARED + other)
                assert shown[key] == wanted[key]
        assert f"≥{len(people):,} people read by {len(ordered)} partners" in text(pilot)
        assert re.search(rf"Minors +{minors:,} +of", text(pilot))

    with build_store_of(tmp_path, rules.read_text("utf-8"), [files]) as demo:
        run(demo, flow, (200, 90), "2020-01-20")


# -- going about -------------------------------------------------------------------------------------------------------


def test_each_number_opens_as_many_people(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "space", "space", "space", "O", "g")
        opened = 0
        for place in range(matrix(pilot).row_count()):
            for column in range(SHARED + 3):
                grid = matrix(pilot)
                assert (grid.cursor, grid.stop) == (place, column)
                figure = grid.figure
                await press(pilot, "enter")
                if figure is None:
                    assert "no number stands here" in said(pilot)
                else:
                    assert top(pilot) is PeopleRowsScreen
                    rows = pilot.app.screen.query_one(PeopleList)
                    assert rows.row_count() == rows.total == figure.value
                    assert f" {figure.value:,} p" in screen_lines(pilot.app)[0].replace("≥", "")
                    opened += figure.value > 0
                    await press(pilot, "escape")
                await press(pilot, "l")
            await press(pilot, *["h"] * (SHARED + 3), "j")
        assert opened > 15

    run(store, flow)


def test_what_is_compared_depends_on_where_it_is_asked(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "O")
        assert "6 partners in view that read" in text(pilot)
        assert matrix(pilot).partner == (2, "Castaway Live"), "the one under the board's cursor"
        await press(pilot, "escape", "/", *"post", "enter", "O")
        assert "1 partner in view that read" in text(pilot)
        await press(pilot, "escape", "escape", "g", "j", "enter")
        assert top(pilot) is CaseScreen
        await press(pilot, "O")
        # Castaway Live shares people with those that read the first one's too.
        assert "Castaway Live and 4 partners that share people with it" in text(pilot)
        assert matrix(pilot).partner == (2, "Castaway Live")
        await press(pilot, "O")
        assert "these are the people" in said(pilot)
        await press(pilot, "escape", "escape", "d", "O")
        assert "6 partners of the incident that read" in text(pilot)
        await press(pilot, "escape", "escape", "A")
        assert top(pilot) is StagesScreen
        await press(pilot, "2", "space", "space", "O")
        assert "2 partners marked" in text(pilot)
        await press(pilot, "q", "q")
        assert top(pilot) is BoardScreen

    run(store, flow, (120, 40))


def test_a_partner_that_shares_nobody(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "G", "enter", "O")
        assert "GroupPilot, which shares nobody with another partner" in text(pilot)
        assert matrix(pilot).row_count() == 2

    run(store, flow)


def test_too_many_are_left_out_and_it_says_of_how_many(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_compared, "MOST_PARTNERS", 3)

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "O")
        assert "3 of 6 partners in view that read" in text(pilot)
        assert "All 6 that read" in text(pilot)

    run(store, flow)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40), (200, 50)])
def test_the_chosen_number_is_always_in_sight(store: Store, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "O")
        for keys in (["l"] * 9, ["G", "h", "h"], ["h"] * 9, ["k", "l", "l", "l", "l"], ["g"]):
            for key in keys:
                await press(pilot, key)
                figure, lines = matrix(pilot).figure, screen_lines(pilot.app)
                (here,) = [line for line in lines if line.startswith("│>")]
                (shown,) = re.findall(r"\[([^\]]+)\]", here)
                at = matrix(pilot).stop - SHARED
                if figure is None:
                    assert shown == "-"
                elif at >= 0 and at == matrix(pilot).about:
                    assert shown == "·"
                else:
                    assert shown.lstrip("≥") == f"{figure.value:,}"

    run(store, flow, size)


def test_the_cursor_stays_on_its_partner_when_the_evidence_changes(tmp_path: Path) -> None:
    path = build(tmp_path)

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "O", "G", "l")
        assert matrix(pilot).partner == (6, "GroupPilot")
        before = matrix(pilot).cursor
        more = [{**small_incident.read(5, number, "n"), "subject_id": f"person-0-{number}"} for number in range(40)]
        with open_store(path) as other:
            import_paths(other, [write_file(tmp_path / "access_events-3.jsonl", "access_events", more)], actor="cy")
        await press(pilot, "R")
        assert matrix(pilot).partner == (6, "GroupPilot")
        assert matrix(pilot).cursor < before
        figure = matrix(pilot).figure
        assert figure is not None
        assert figure.value == 10

    with open_store(path) as opened:
        run(opened, flow)


def test_what_is_copied_has_its_qualifier_range_and_rulebook(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "O", "g", "j", *["l"] * 4, "y")
        line = (
            "≥30 people read by both Castaway Live (p-1) and Ribbon Social (p-0); at least;"
            " 2018-04-04 .. 2018-06-30 UTC (rulebook "
        )
        assert line in said(pilot)
        await press(pilot, *["h"] * 2, "y")
        assert matrix(pilot).stop == BEYOND
        assert "as logged, what is not logged may add or take away; 2018-04-04" in said(pilot)
        await press(pilot, "enter", "y")
        assert "by none of the other 5 compared" in said(pilot)
        assert "2018-04-04 .. 2018-06-30 UTC (rulebook " in said(pilot)
        await press(pilot, "enter")
        assert top(pilot) is WhoReadScreen

    run(store, flow, (200, 50))


def test_nobody_read_anything(tmp_path: Path) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "O")
        assert "0 partners in view that read" in text(pilot)
        await press(pilot, "enter", "l", "j", "y", "x")
        assert top(pilot) is ExportDialog

    path = small_incident.build(tmp_path)
    with open_store(path) as empty:
        asyncio.run(_early(empty, flow))


async def _early(store: Store, flow: Flow) -> None:
    app = OverscopeApp(store, Parameters(as_of=parse_point("2018-04-04"), today=parse_point("2018-07-20")), actor="bo")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await flow(pilot)


# -- lists into files --------------------------------------------------------------------------------------------------


async def write(pilot: Pilot[int], to: Path | str, *keys: str) -> None:
    """Open the dialog, choose with these keys, and write there."""
    if top(pilot) is not ExportDialog:
        await press(pilot, "x")
    pilot.app.screen.query_one("#path", TextField).value = str(to)
    pilot.app.screen.query_one(Choice).focus()
    await press(pilot, *keys, "enter")


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_list_is_what_the_command_prints_and_an_action_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    path, target = build(tmp_path), tmp_path / f"list.{form}"

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "O", "g", "j", "enter", "x")
        assert "> the notification list of Castaway Live" in text(pilot)
        assert pilot.app.screen.query_one("#path", TextField).value == "people.csv"
        await write(pilot, target)
        assert top(pilot) is PeopleRowsScreen
        assert f"wrote {target}" in said(pilot)
        await write(pilot, target.with_stem("all"), "g", "j", "j")

    with open_store(path) as opened:
        run(opened, flow)
        entries = [json.loads(str(each.after)) for each in actions(opened) if each.verb == "export"]
    sets = people_by_partner()
    assert [(each["what"], each["format"], each["rows"], each["partner_id"]) for each in entries] == [
        ("people", form, len(sets[1]), "p-1"),
        ("people", form, len(set().union(*sets)), None),
    ]
    assert [each["as_of"] for each in entries] == ["2018-07-01T00:00:00Z"] * 2
    for name, partner in ((target, ["--partner", "p-1"]), (target.with_stem("all"), [])):
        assert main(["people", "--db", str(path), *partner, f"--{form}", "--as", "ana"]) == 0
        assert capsys.readouterr().out.encode() == name.read_bytes()


def test_the_people_of_any_number_can_be_written_and_the_log_says_who_they_are(tmp_path: Path) -> None:
    path = build(tmp_path)

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "O", "g", "j", *["l"] * 4, "x")
        assert "> the list of people read by both Castaway Live and Ribbon Social" in text(pilot)
        await write(pilot, tmp_path / "both.csv")
        await press(pilot, *["h"] * 3)
        await write(pilot, tmp_path / "alone.csv")

    with open_store(path) as opened:
        run(opened, flow, (120, 40))
        entries = [json.loads(str(each.after)) for each in actions(opened) if each.verb == "export"]
    sets = people_by_partner()
    files = [list(csv.DictReader((tmp_path / f"{name}.csv").open(encoding="utf-8"))) for name in ("both", "alone")]
    assert {row["subject_id"] for row in files[0]} == sets[0] & sets[1]
    assert {row["subject_id"] for row in files[1]} == sets[1].difference(*(sets[:1] + sets[2:]))
    assert [(each["partner_id"], each.get("also_read_by"), each.get("read_by_no_other")) for each in entries] == [
        ("p-1", "p-0", None),
        ("p-1", None, True),
    ]


def test_refusals_come_back_and_nothing_is_recorded(tmp_path: Path) -> None:
    path, there = build(tmp_path), tmp_path / "there.csv"
    there.write_text("mine")
    link = tmp_path / "link.csv"
    link.symlink_to(there)

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "O", "g", "j", "enter")
        for to, why in (
            (there, "exists already; turn on the replacing"),
            (link, "is a symbolic link"),
            (tmp_path / "list.html", "end its name in .csv or .json"),
            ("/proc/list.csv", "cannot write"),
            (tmp_path / "nowhere" / "list.csv", "cannot write"),
        ):
            await write(pilot, to)
            complaint = " ".join(str(pilot.app.screen.query_one(".dialog--complaint", Static).visual).split())
            assert why in complaint, to
            assert "> the notification list of Castaway Live" in text(pilot)
        assert there.read_text() == "mine"
        await press(pilot, "escape")

    with open_store(path) as opened:
        run(opened, flow)
        assert [each for each in actions(opened) if each.verb == "export"] == []


def test_the_file_is_named_after_what_is_chosen_unless_somebody_named_it(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "j", "x")
        path = pilot.app.screen.query_one("#path", TextField)
        assert path.value == "report.html"
        await press(pilot, "j", "j")
        assert path.value == "people.csv"
        await press(pilot, "k")
        assert path.value == "report.html"
        path.value = "mine.csv"
        await press(pilot, "j")
        assert path.value == "mine.csv"

    run(store, flow)


def test_no_cell_of_the_file_is_a_formula_and_a_store_that_can_only_be_read_says_so(tmp_path: Path) -> None:
    path = build_store(tmp_path, ["=1+1", "@x", "plain"])

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "O", "g")
        await write(pilot, tmp_path / "list.csv")
        assert "not in the log, which can only be read" in said(pilot)

    with open_store(path, read_only=True) as opened:
        run(opened, flow, (120, 40))
    rows = list(csv.reader((tmp_path / "list.csv").open(encoding="utf-8", newline="")))
    assert len(rows) == 4
    assert {row[0] for row in rows[1:]} == {"'=1+1", "'@x", "plain"}
    assert not [cell for row in rows for cell in row if cell[:1] in "=+-@" and cell]


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40)])
def test_hostile_names_are_text_and_it_fits(tmp_path: Path, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "O")
        for _ in range(matrix(pilot).row_count()):
            await press(pilot, "l", "l", "l", "enter")
            assert not hidden_in(text(pilot).replace("\n", ""))
            if top(pilot) is PeopleRowsScreen:
                await press(pilot, "x")
                assert not hidden_in(text(pilot).replace("\n", ""))
                await press(pilot, "escape", "escape")
            await press(pilot, "y", "h", "h", "h", "j")
            assert not hidden_in(text(pilot).replace("\n", ""))

    with open_store(build_store(tmp_path, HOSTILE)) as hostile:
        run(hostile, flow, size, "2018-07-20")


def test_the_totals_line_is_the_whole_list(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "O", "g")
        assert matrix(pilot).about is TOGETHER
        await press(pilot, "enter")
        rows = pilot.app.screen.query_one(PeopleList)
        assert rows.total == len(set().union(*people_by_partner()))
        assert "Partners" in text(pilot)
        await press(pilot, "G")
        assert f"{rows.total} of {rows.total}" in text(pilot)

    run(store, flow)
