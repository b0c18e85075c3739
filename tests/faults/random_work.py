"""Random histories of everything that writes into the log: work on cases, imports, voids, rules, clocks that jump.

Nothing here knows what the log says of it.
"""

import random
import sys
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from store import audits, cases, instants
from store.claim_logic import COMPARISONS
from store.claims import claim, claims, withdraw
from store.connection import Store
from store.disclosure import disclose
from store.errors import StoreError
from store.fold import rebuild
from store.ingest.importing import import_paths
from store.ingest.imports import imports, void
from store.ingest.quarantine import quarantined, resolve
from store.instants import MICROSECONDS_PER_SECOND, parse_point
from store.parameters import Parameters
from store.rulebook import load_rules
from store.samples import draw_sample, samples_of
from store.scenarios import drop_scenario, save_scenario, scenarios
from store.step_details import Details
from store.what_if import variation
from tests import small_incident

ACTORS = ("ana", "bo", "Zoë \u202e Ω")
NOTES = ("", "looked into it", 'a "quoted" note\nof two lines', "näïve ünicode 😀")
PARTNERS = range(1, len(small_incident.NAMES) + 1)
_START = parse_point("2019-11-05T12:00:00Z")
_STEPS = ("notified", "deletion_requested", "on_hold", "waived", "no_response", "audit_planned")
_RULES = """
[scopes]
"members" = ["group.member.*"]
"admin" = ["group.*", "mail.item"]

[[rules]]
id = "groups-api"
data_classes = ["group.member.*"]
from = 2018-04-04
until = 20{}-01-01
apps = ["a-1", "a-2"]
except = ["opt_in"]
basis = "a notice"
"""
_EVENTS = """occurred_at,app_id,data_class,subject_id,event_id
2018-05-0{}T10:00:00Z,a-1,group.member.name,person-1,new-{}
2018-05-05T10:00:00Z,nobody-yet-{},group.member.name,person-2,
not a time,a-1,group.member.name,person-1,
"""


class Clock:
    """What every module of the store takes for the time: it goes on, jumps, and falls back."""

    def __init__(self, chance: random.Random) -> None:
        self.at = _START
        self._chance = chance

    def __call__(self) -> int:
        if self._chance.random() < 0.1:
            self.at += self._chance.randint(-400_000, 400_000) * MICROSECONDS_PER_SECOND
        self.at += self._chance.randint(0, 90_000_000)
        return self.at


def set_clock(monkeypatch: pytest.MonkeyPatch, clock: Callable[[], int]) -> None:
    """Let the whole store take its time from this clock."""
    real = instants.now
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "store" and getattr(module, "now", None) is real:
            monkeypatch.setattr(module, "now", clock)


class Diary:
    """Does one random thing after the other to a store; of the first schema, what its program could do.

    Attributes:
        done: how often each kind of thing was done; what was refused does not count.
    """

    def __init__(self, store: Store, folder: Path, chance: random.Random, *, first_schema: bool = False) -> None:
        self.store = store
        self.done: Counter[str] = Counter()
        self.chance = chance
        self._folder = folder
        self._number = 0
        self._deeds = {
            self._flag: 5,
            self._clear: 4,
            self._reopen: 2,
            self._note: 2,
            self._assign: 3,
            self._undo: 4,
            self._redo: 3,
            self._step: 4,
            self._incident_step: 1,
            self._step_with_evidence: 2,
            self._import: 1,
            self._import_again: 1,
            self._void: 1,
            self._resolve: 1,
            self._rules: 1,
            self._rebuild: 1,
        }
        if not first_schema:
            self._deeds |= {self._sample: 2, self._check_sample: 1}
            self._deeds |= {
                self._disclose: 1,
                self._claim: 1,
                self._withdraw: 1,
                self._scenario: 2,
                self._drop_scenario: 1,
            }

    def go_on(self, deeds: int) -> None:
        """Do so many things; refusals are tried again with something else."""
        while deeds:
            (deed,) = self.chance.choices(list(self._deeds), list(self._deeds.values()))
            deeds -= self.do(deed.__name__.strip("_"))

    def do(self, what: str) -> bool:
        """Do this kind of thing; whether it was done, and not refused."""
        try:
            getattr(self, f"_{what}")()
        except StoreError:
            return False
        self.done[what] += 1
        return True

    def _actor(self) -> str:
        return self.chance.choice(ACTORS)

    def _some(self) -> list[int]:
        return self.chance.sample(PARTNERS, self.chance.choice((1, 1, 1, 2, 3)))

    def _text(self) -> str:
        return self.chance.choice(NOTES)

    def _flag(self) -> None:
        cases.flag(self.store, self._some(), actor=self._actor(), note=self._text())

    def _clear(self) -> None:
        grounds = self.chance.choice(("enforced", "defunct", "no_access", "other"))
        cases.clear(self.store, self._some(), actor=self._actor(), grounds=grounds, note="because", override=True)

    def _reopen(self) -> None:
        cases.reopen(self.store, self._some(), actor=self._actor(), note="again")

    def _note(self) -> None:
        privileged = self.chance.random() < 0.5
        cases.add_note(self.store, self._some(), actor=self._actor(), note=self._text() or "x", privileged=privileged)

    def _assign(self) -> None:
        cases.assign(self.store, self._some(), actor=self._actor(), assignee=self.chance.choice((None, "bo", "ana")))

    def _undo(self) -> None:
        cases.undo(self.store, actor=self._actor(), note=self._text())

    def _redo(self) -> None:
        cases.redo(self.store, actor=self._actor())

    def _step(self, evidence: str | None = None) -> None:
        on_a_day = self.chance.random() < 0.5
        partners = self._some()
        app_id = None
        if len(partners) == 1 and self.chance.random() < 0.3:
            # Each partner has the one app that is numbered like it.
            app_id = cases.case(self.store, partners[0]).partner_id.replace("p-", "a-")
        audits.record_step(
            self.store,
            partners,
            app_id=app_id,
            actor=self._actor(),
            step=self.chance.choice(_STEPS),
            at=parse_point("2018-07-03") if on_a_day else parse_point("2018-07-03T10:00:00.000007Z"),
            at_is_date=on_a_day,
            due=self.chance.choice((None, parse_point("2019-01-01"), parse_point("2019-01-01T10:00:00Z"))),
            note="for a reason",
            evidence=evidence,
        )

    def _incident_step(self) -> None:
        step = self.chance.choice(("authority_told", "people_told"))
        audits.record_step(self.store, [], actor=self._actor(), step=step, at=parse_point("2018-07-03"), note="told")

    def _step_with_evidence(self) -> None:
        file = self._folder / f"letter-{self.chance.randint(1, 3)}.txt"
        file.write_text(f"the letter in {file.name}", "utf-8")
        self._step(str(file))

    def _import(self) -> None:
        self._number += 1
        file = self._folder / f"access_events-{self._number}.csv"
        file.write_text(_EVENTS.format(self._number % 9 + 1, self._number, self._number), "utf-8")
        import_paths(self.store, [file], actor=self._actor())

    def _import_again(self) -> None:
        files = sorted(self._folder.glob("access_events-*.csv"))
        if files:
            import_paths(self.store, [self.chance.choice(files)], actor=self._actor())
        else:
            self._import()

    def _void(self) -> None:
        live = [entry.import_id for entry in imports(self.store) if entry.voided_at is None]
        void(self.store, self.chance.choice(live[4:] or live[-1:] or [0]), actor=self._actor(), note="the wrong file")

    def _resolve(self) -> None:
        waiting = [each.quarantine_id for each in quarantined(self.store) if each.resolved_at is None]
        resolve(self.store, self.chance.choice(waiting or [0]), actor=self._actor(), note="a header line")

    def _rules(self) -> None:
        text = _RULES.format(self.chance.randint(20, 60))
        load_rules(self.store, text, source="rules.toml", actor=self._actor())

    def _sample(self) -> None:
        share, risk = self.chance.choice(((5, 5), (1, 10), (30, 20)))
        draw_sample(
            self.store,
            self.chance.choice(PARTNERS),
            actor=self._actor(),
            share=Fraction(share, 100),
            risk=Fraction(risk, 100),
            seed=self.chance.choice((None, "0123456789abcdef")),
            note=self._text(),
        )

    def _check_sample(self) -> None:
        drawn = samples_of(self.store)
        if not drawn:
            return self._sample()
        row = self.chance.choice(drawn)
        checked = self.chance.randint(0, row.plan.size + 1)
        details = Details(sample=row.seq, checked=checked, found=self.chance.randint(0, 2))
        audits.record_step(
            self.store,
            [row.partner],
            actor=self._actor(),
            step="sample_checked",
            at=None,
            note=self._text(),
            details=details,
        )
        return None

    def _disclose(self) -> None:
        window = self.chance.choice((None, 7))
        disclose(
            self.store, Parameters(window_days=window), actor=self._actor(), name="to the press", note=self._text()
        )

    def _claim(self) -> None:
        figure = self.chance.choice(("accessed.partners", "recent.people", "retained.partners"))
        that = f"{figure} {self.chance.choice(COMPARISONS)} {self.chance.randint(0, 9)}"
        sentence = f"we said: {self._text()}"
        claim(self.store, Parameters(), actor=self._actor(), sentence=sentence, that=that)

    def _withdraw(self) -> None:
        standing = claims(self.store)
        if not standing:
            return self._claim()
        number = self.chance.choice(standing).claimed.claim_id
        withdraw(self.store, number, actor=self._actor(), note="corrected")
        return None

    def _scenario(self, name: str | None = None) -> None:
        changes = self.chance.choice((None, variation(without=["opt_in"]), variation(without_apps=["a-1", "a-2"])))
        asked = Parameters(
            as_of=self.chance.choice((None, parse_point("2018-06-01T10:00:00.000007Z"))),
            cutoff=parse_point("2018-05-01"),
            window_days=self.chance.choice((None, 7)),
            variation=changes,
        )
        name = name or self.chance.choice(("Announcement", "announcement", "näïve 😀", 'a "quoted" one'))
        save_scenario(self.store, name, asked, actor=self._actor(), note=self._text())

    def _scenario_again(self) -> None:
        for name in ("Twice", "twice"):
            self._scenario(name)

    def _drop_scenario(self) -> None:
        names = [each.name for each in scenarios(self.store)]
        drop_scenario(self.store, self.chance.choice(names or ["none"]), actor=self._actor(), note="not needed")

    def _rebuild(self) -> None:
        rebuild(self.store, actor=self._actor())
