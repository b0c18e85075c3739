"""Secrets that logs carry: found whatever carries them, nothing else touched, and no figure changed by it."""

import gzip
import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pytest

from store.cli.main import main
from store.connection import Store, open_store
from store.figures import figures, figures_document
from store.ingest import formats, importing
from store.ingest.importing import import_paths
from store.ingest.imports import ImportEntry
from store.ingest.quarantine import quarantined
from store.ledger import actions
from store.parameters import Parameters
from store.partners import partner_list
from store.people import people
from store.redaction import HINT, redact
from store.rulebook import load_rules
from store.schema import create_store
from store.secret_shapes import SHAPES
from tests import incidents
from tests.promises import trials
from tests.secrets_to_plant import Forger, Planted, planted
from tests.store.ingest_store import ACTOR, counting_events, csv_text, event, new_store, take, write_events
from tests.store.test_foreign_files import READING
from tui.__main__ import main as dashboard

NO_SECRETS = (
    "ann.lee@example.org",
    "user:ann@example.org",
    "mailto:ann@example.org",
    "i:0#.f|membership|ann@example.org",
    "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
    "EAA3f1b2c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "group-1234567890",
    "1234567890123456789",
    "2019-11-05T09:00:00.123456Z",
    "198.51.100.21",
    "2001:db8::1",
    "AAMkAGI2TG93AAA=",
    "AAMkAGVmMDEzMTM4LTZmYWUtNDdkNC1hMDZiLTU1OGY5OTZhYmY4OABGAAAAAADUuTJK1K9aTpCdqXop_4NaBwCd9nJ-tVysQos2hTfspaWRAAA=",
    "AQMkADAwATM3ZmYAZS05ZmQAZS0yMAI1LTAwAi0wMAoARgAAA",
    "eyJwYWdlIjoyLCJsaW1pdCI6MTAwfQ",
    "eyjafjallajokull.travel.example.com",
    "/v1.0/groups/02bd9fd6-8f93-4758-87c3-1fb73740a315/members?$top=50&$skiptoken=X%2744537074090001000000%27",
    "/v1.0/users/ann@example.org/messages?$select=subject&$count=true",
    "https://graph.example/v1.0/me/drive/root:/Documents/a.docx:/content",
    "GET /repositories/:repository_id/contents/*path",
    "arn:aws:iam::123456789012:role/Reader",
    "AROAIOSFODNN7EXAMPLE:session",
    "S-1-5-21-3623811015-3361044348-30300820-1013",
    "sid=S-1-5-21-3623811015-3361044348-30300820-1013",
    "status_code=200&error_code=abc1234567890",
    "code=200",
    "?code=permission_denied",
    "next_page_token=CAUQAA1234567890",
    "pageToken=CAUQAA1234567890",
    "password: reset by the owner",
    "password=***",
    "the secret: nobody knows",
    "Authorization: required",
    "basic authentication, bearer authentication",
    "asiapacificcustomers",
    "sk-learn-users-of-madrid-community",
    "http://host:8080/path@v2",
    "git@github.com:org/repo.git",
    "<CAF=token@mail.example>",
    "ServicePrincipal_5b1d0c53-9a35-4c0e-8c2f-0d3a5f0e7a11",
    "[secret 3f2a91c4d0b7e655]",
)


def stands_instead(secret: str) -> str:
    return f"[secret {hashlib.sha256(secret.encode()).hexdigest()[:16]}]"


@pytest.mark.parametrize("case", Forger(1).all(), ids=lambda case: case.shape)
def test_a_secret_is_replaced_and_what_is_around_it_stays(case: Planted) -> None:
    expected = case.written(stands_instead(case.secret))
    assert redact(case.written()) == expected
    assert redact(expected) == expected
    assert redact(f"x {case.written()}").endswith(expected)


def test_every_shape_is_tried_and_names_its_source() -> None:
    assert {case.shape for case in Forger(1).all()} == {shape.name for shape in SHAPES}
    assert all(shape.source.startswith("https://") for shape in SHAPES)
    assert len({shape.name for shape in SHAPES}) == len(SHAPES)


def test_the_hint_misses_no_secret_in_either_language() -> None:
    texts = [each for case in planted(400) for each in (case.written(), case.written().lower())]
    found = duckdb.execute("SELECT regexp_matches(unnest($texts), $hint)", {"texts": texts, "hint": HINT}).fetchall()
    missed = [text for text, (is_seen,) in zip(texts, found, strict=True) if redact_all(text) != text and not is_seen]
    assert missed == []
    assert [text for text in texts if redact_all(text) != redact(text)] == []
    assert sum(redact(text) != text for text in texts) > 600


def redact_all(text: str) -> str:
    """Redacted without the short cut."""
    for shape in SHAPES:
        pieces, done = [], 0
        for match in shape.pattern.finditer(text):
            start, end = match.span(match.lastgroup or "secret")
            if shape.is_secret(text[start:end]):
                pieces += [text[done:start], stands_instead(text[start:end])]
                done = end
        text = "".join([*pieces, text[done:]])
    return text


@pytest.mark.parametrize("text", NO_SECRETS)
def test_ordinary_texts_stay(text: str) -> None:
    assert redact(text) == text


def test_two_secrets_stay_two_and_one_stays_one() -> None:
    one, same, other = (redact(f"/me?access_token={secret}") for secret in ("abc123def", "abc123def", "abc123deg"))
    assert one == same != other


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "a",
            "-",
            ".",
            " ",
            "\\",
            '"',
            "'",
            "=",
            "%25",
            "%3D",
            "[secret ",
            "eyJ",
            "eyJaaaaaa.",
            "://",
            "://a:",
            ":",
            "@",
        ),
        *("-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "-----END ", "password", "password=", '"password":"', "\\\\\\"),
        *("token=", "access_token", "sig=", "code=", "cookie:", "authorization:", "authorization: digest ", "bearer "),
        *(
            "AKIA",
            "ghp_",
            "xoxb-",
            "EAA",
            "1234567890123|",
            "8Q~",
            "00D",
            "sk-",
            "12345678:AA",
            "sess",
            "Aa",
            "a1=",
            "1",
        ),
    ],
)
def test_long_texts_take_no_more_than_linear_time(piece: str) -> None:
    """Quadratic time would be minutes here; the bound is hundreds of times what is needed."""
    size = 60_000
    for text in (piece * (size // len(piece)), f"password={piece * (size // len(piece))}", f"{piece * 9}{'a1' * size}"):
        began = time.process_time()
        redact(text)
        redact(f"authorization {text}\n")
        assert time.process_time() - began < 20


def _secretive_rows() -> list[dict[str, object]]:
    rows = []
    for number, case in enumerate(planted(60, seed=7)):
        text = " ".join(case.written().split())
        rows.append(
            event(
                subject_id=f"{text}" if number % 7 == 0 else f"m-{number}",
                resource_id=text if number % 5 == 0 else "g-1",
                endpoint=text,
                event_id=f"{text} {number}" if number % 3 == 0 else f"e{number}",
                ip=text if number % 11 == 0 else "",
                data_class=f"a.b|{text.replace('|', ' ')}" if number % 13 == 0 else "a.b",
            )
        )
    return [*rows, event(event_id="e1", endpoint=f"/x?access_token={'y' * 9}1"), event(records="sig=a" + "1" * 30)]


def test_every_path_keeps_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = _secretive_rows()
    texts: dict[str, Callable[[Path], Path]] = {
        "access_events.csv": lambda path: write_events(path, rows),
        "access_events.jsonl": lambda path: _written(path, "".join(json.dumps(row) + "\n" for row in rows).encode()),
        "access_events.csv.gz": lambda path: _written(path, gzip.compress(csv_text(rows).encode())),
    }
    kept = []
    for size in (formats.MOST_BYTES, 0):
        monkeypatch.setattr(formats, "MOST_BYTES", size)
        monkeypatch.setattr("store.ingest.loader.MOST_EVENTS", 4_000 if size else 0)
        for name, write in texts.items():
            folder = tmp_path / f"{size}-{name}"
            folder.mkdir()
            with new_store(folder) as store:
                entry = take(store, write(folder / name))
                with store.reading() as connection:
                    keys = connection.execute("SELECT event_key FROM access_events ORDER BY 1").fetchall()
                kept.append((counting_events(store), keys, entry.redacted, entry.accepted, entry.quarantined))
    assert all(each == kept[0] for each in kept)
    assert kept[0][2] > 100
    assert kept[0][4] == 2


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_private_key_broken_over_lines_is_not_kept_line_by_line(tmp_path: Path) -> None:
    key = Forger(3).all()[0].secret
    path = tmp_path / "access_events.csv"
    path.write_text(csv_text([event()]) + f'2019-05-01T10:00:00Z,"{key}\n2019-05-01T10:00:00Z,x\n', "utf-8")
    with new_store(tmp_path) as store:
        entry = take(store, path)
        kept = " ".join(record.record for record in quarantined(store))
    assert entry.quarantined == len(key.splitlines()) + 1
    assert [line for line in key.splitlines()[1:-1] if line in kept] == []
    assert "10:00:00Z,x" in kept
    assert entry.redacted == len(key.splitlines())


@trials("P11")
def test_no_secret_reaches_the_store(
    tmp_path: Path,
    count: int,
    account: Callable[[str, Mapping[str, int]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each in one field or record of some kind: none in a byte of the database, the commands' text or the pictures."""
    secrets = planted(count)
    files: dict[str, list[dict[str, object]]] = {}
    for number, case in enumerate(secrets):
        kind, row = _carrier(number, " ".join(case.written().split()))
        files.setdefault(kind, []).append(row)
    folder = tmp_path / "files"
    folder.mkdir()
    for kind, rows in files.items():
        (folder / f"{kind}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    write_events(
        folder / "access_events-bare.csv", [event(endpoint=" ".join(case.written().split())) for case in secrets]
    )
    with new_store(tmp_path) as store:
        report = import_paths(store, [folder], actor=ACTOR)
        again = import_paths(store, [folder], actor=ACTOR)
        told = json.dumps([importing.report_document(report), [entry._asdict() for entry in actions(store)]])
        told += " ".join(f"{record.reason} {record.record}" for record in quarantined(store))
        told += " ".join(name for row in partner_list(store, Parameters()) for name in (row.partner_id, row.name))
    told += _printed(store.path, capsys) + _drawn(store.path, tmp_path)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    found = {
        case.shape
        for case in secrets
        for part in (" ".join(case.secret.split()), " ".join(case.secret.split()).lower())
        if part.encode() in kept or part in told
    }
    redacted = sum(entry.redacted for entry in report.imports)
    refused = sum(entry.quarantined for entry in report.imports)
    account("P11", {"secrets": len(secrets), "values redacted": redacted, "of quarantined records": refused})
    assert found == set()
    assert redacted >= 2 * count
    assert refused >= count // 8
    assert [entry.redacted for entry in again.imports] == [entry.redacted for entry in report.imports]


def _printed(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What every command that reads prints, for people and for programs."""
    said = []
    for command, words in READING.items():
        for form in ([], ["--json"], ["--csv"]):
            main([command, "--db", str(path), *words, *form])
            told = capsys.readouterr()
            said += [told.out, told.err]
    assert any("[secret " in text for text in said)
    return "".join(said)


def _drawn(path: Path, folder: Path) -> str:
    """The board, a case, the events and the log, as pictures."""
    pictures = []
    for number, keys in enumerate(("", "enter", "2 enter", "i", "G enter")):
        picture = folder / f"{number}.svg"
        words = ["--db", str(path), "--as", "ana", "--size", "200x50", "--screenshot", str(picture), "--press", keys]
        assert dashboard(words) == 0, keys
        pictures.append(picture.read_text("utf-8"))
        picture.unlink()
    assert any("secret" in text for text in pictures)
    return "".join(pictures).replace("&#160;", " ")


def _carrier(number: int, text: str) -> tuple[str, dict[str, object]]:
    at = "2019-05-01T10:00:00Z"
    carriers: tuple[tuple[str, dict[str, object]], ...] = (
        ("access_events", event(event_id=text)),
        ("access_events", event(resource_id=text)),
        ("access_events", event(subject_id=text)),
        ("access_events", event(app_id=text)),
        ("access_events", event(records=text)),
        ("access_events", event(outcome="perhaps", endpoint=text)),
        ("partners", {"partner_id": f"p{number}", "name": text, "contact": text}),
        ("partners", {"partner_id": text, "name": "x"}),
        ("apps", {"app_id": f"a{number}", "name": text}),
        ("grants", {"app_id": "a", "scope": text, "granted_at": at, "granted_by": text}),
        ("opt_ins", {"subject_id": text, "opted_in_at": at}),
        ("exemptions", {"app_id": "a", "data_class": "a", "exempt_from": at, "reason": text}),
        ("removals", {"app_id": f"a{number}", "removed_at": at, "reason": text}),
        ("coverage", {"source": text, "covered_from": at, "covered_until": "2019-06-01T00:00:00Z"}),
        ("subjects", {"subject_id": f"m{number}", "country": text, text: "1"}),
        ("steps", {"partner_id": "p", "step": "notified", "at": at, "note": text}),
        ("steps", {"partner_id": "p", "step": text, "at": at}),
    )
    return carriers[number % len(carriers)]


@pytest.mark.parametrize("seed", range(6))
def test_figures_are_what_they_are_with_harmless_words_instead(tmp_path: Path, seed: int) -> None:
    """The same random incident twice: with secrets in its ids and texts, and with a word instead of each secret."""
    tallies: Counter[str] = Counter()
    answers = []
    for name in ("secret", "word"):
        draft = incidents.draw(seed)
        _plant(draft, random.Random(seed), tallies if name == "secret" else Counter(), words=name == "word")
        folder = tmp_path / name
        paths = draft.write(folder / "files")
        create_store(folder / "incident.db", name="Twice", actor=ACTOR, at=0)
        with open_store(folder / "incident.db") as store:
            load_rules(store, draft.rules_toml, source="rules.toml", actor=ACTOR)
            entries = [each for path in paths for each in import_paths(store, [path], actor=ACTOR).imports]
            answers.append([_told(store, draft), *map(_counts, entries)])
            if name == "secret":
                assert sum(entry.redacted for entry in entries) >= tallies["planted"] // 2
    assert answers[0] == answers[1]
    assert tallies["planted"] >= 10


def _plant(draft: incidents.Draft, chance: random.Random, tallies: Counter[str], *, words: bool) -> None:
    """Let some ids carry a secret, each id always the same one."""
    cases = {
        value: chance.choice(planted(40, seed=number))
        for number, value in enumerate(
            (*incidents.SUBJECTS[:3], *incidents.RESOURCES, "/groups/members", *(f"e{number}" for number in range(40)))
        )
    }
    for _, rows in draft.files.values():
        for row in rows:
            for column in ("subject_id", "resource_id", "endpoint", "event_id"):
                case = cases.get(str(row.get(column)))
                if case is not None:
                    word = f"word{hashlib.sha256(case.secret.encode()).hexdigest()[:20]}" if words else None
                    row[column] = f"{' '.join(case.written(word).split())} {row[column]}"
                    tallies["planted"] += 1


def _counts(entry: ImportEntry) -> tuple[int, ...]:
    return entry.records, entry.accepted, entry.duplicates, entry.quarantined, entry.skipped


def _told(store: Store, draft: incidents.Draft) -> list[object]:
    found: list[object] = []
    for question in draft.questions:
        asked = Parameters(question.as_of, question.window, question.cutoff, 1_560_000_000_000_000)
        found.append(figures_document(figures(store, asked)))
        found.append([row._asdict() for row in partner_list(store, asked)])
        found.append(Counter(row[1:] for row in people(store, asked)))
    return found
