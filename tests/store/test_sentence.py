"""The paragraph that may be quoted alone: true, well-formed, and as far as the figures go, in odd cases too."""

from dataclasses import replace

import pytest

from store.coverage import Coverage
from store.instants import dates_within, parse_point, read_words
from store.kept import Evidence, Population
from store.parameters import View
from store.sentence import sentence

DAYS = 580
LOGGED = Coverage(DAYS, DAYS, "imported", (), {})
PARTLY = Coverage(DAYS, 569, "imported", tuple(range(11)), {"gateway": 11})
INFERRED = Coverage(29_492, 1_234, "inferred", (), {})
WINDOW = Coverage(60, 60, "imported", (), {})
GAP = Coverage(60, 19, "imported", tuple(range(41)), {"gateway": 41})
READ = Population(64, 70, 41_207, 212, 2, 94_742, 100, 0, 0, "exact")
NONE = Population(0, 0, 0, 0, 0, 0, 0, 0, 0, "exact")
WHOLE = Evidence(
    retained_partners=100,
    retained_apps=131,
    ungranted_partners=0,
    accessed=READ,
    recent=READ._replace(partners=11, events=500),
    after_removal=READ._replace(partners=3, events=206),
    denied_attempts=0,
    first_lag=None,
    verdicts={"undetermined": 0},
    events_from_as_of=0,
    whole=LOGGED,
    window=WINDOW,
    quarantined=0,
    settled_opt_ins=True,
    settled_exemptions=True,
    unmapped_scopes=(),
    grants_known=True,
    removals_known=True,
    caveats=(),
)
CUTOFF, AS_OF = parse_point("2018-04-04"), parse_point("2019-11-05")
VIEW = View(AS_OF, 60, CUTOFF, parse_point("2019-09-06"), parse_point("2020-01-20"))


def qualified(found: Evidence, qualifier: str) -> Evidence:
    read, recent, after = (
        each._replace(qualifier=qualifier) for each in (found.accessed, found.recent, found.after_removal)
    )
    return replace(found, accessed=read, recent=recent, after_removal=after)


RANGE = "between 2018-04-04 and 2019-11-04 UTC"
NOTHING = replace(WHOLE, accessed=NONE, recent=NONE, after_removal=NONE)
CASES = {
    "exact": (
        WHOLE,
        VIEW,
        f"100 partners kept access {RANGE}; 64 partners read restricted data of 41,207 people"
        " in 212 resources, 94,742 times; 11 partners did so in the last 60 days (2019-09-06 to 2019-11-04);"
        " 3 partners did so after their access was removed; complete in the log.",
    ),
    "at least": (
        replace(
            qualified(WHOLE, "at_least"),
            accessed=READ._replace(qualifier="at_least", events_without_subject=1),
            whole=PARTLY,
            window=GAP,
            quarantined=212,
            verdicts={"undetermined": 310},
        ),
        VIEW,
        f"100 partners kept access {RANGE}; at least 64 partners read restricted data of at"
        " least 41,207 people in at least 212 resources, at least 94,742 times; at least 11 partners did so in the last"
        " 60 days (2019-09-06 to 2019-11-04; 19 of 60 days logged); at least 3 partners did so after their access was"
        " removed; 569 of 580 days logged, 310 reads unsettled, 1 restricted read without a person, 212 quarantined"
        " records.",
    ),
    "unsettled, said once": (
        replace(qualified(WHOLE, "unsettled"), settled_opt_ins=False, settled_exemptions=False),
        VIEW,
        f"100 partners kept access {RANGE}; could be too high, because opt-ins and exemptions"
        " were never imported: 64 partners read restricted data of 41,207 people in 212 resources, 94,742 times;"
        " 11 partners did so in the last 60 days (2019-09-06 to 2019-11-04); 3 partners did so after their access was"
        " removed; 580 of 580 days logged.",
    ),
    "nothing read, all logged": (
        NOTHING,
        VIEW,
        f"100 partners kept access {RANGE}; no restricted read found in 580 of 580 days that are logged.",
    ),
    "nothing read, but some reads cannot be settled": (
        replace(qualified(NOTHING, "at_least"), verdicts={"undetermined": 2}, quarantined=1),
        VIEW,
        f"100 partners kept access {RANGE}; no restricted read found; 580 of 580 days logged,"
        " 2 reads unsettled, 1 quarantined record.",
    ),
    "nothing read, no log says that it is complete": (
        replace(qualified(NOTHING, "at_least"), whole=INFERRED),
        VIEW,
        f"100 partners kept access {RANGE}; no restricted read found; events on 1,234 of"
        " 29,492 days, and no log says that it is complete.",
    ),
    "one of each, nobody named": (
        replace(
            WHOLE,
            retained_partners=1,
            accessed=Population(1, 1, 0, 0, 1, 1, 0, 1, 1, "at_least"),
            recent=NONE._replace(qualifier="at_least"),
            after_removal=NONE._replace(qualifier="at_least"),
            removals_known=False,
        ),
        replace(VIEW, window_days=1, recent_from=parse_point("2019-11-04")),
        f"1 partner kept access {RANGE}; at least 1 partner read restricted data of people"
        " whom the log does not name, at least 1 time; no partner found in the log did so in the last day (2019-11-04"
        " to 2019-11-04); no removal of access was imported, so reads after removal cannot be told; 580 of 580 days"
        " logged, 1 restricted read without a person.",
    ),
    "nobody said who had access": (
        replace(NOTHING, retained_partners=0, grants_known=False),
        VIEW,
        f"no grants were imported, so who kept access is known from reads alone: 0 partners kept access"
        f" {RANGE}; no restricted read found in 580 of 580 days that are logged.",
    ),
    "as-of before the rules begin": (
        replace(NOTHING, retained_partners=0),
        replace(VIEW, as_of=parse_point("2018-04-01")),
        "The rules begin on 2018-04-04, not before as-of 2018-04-01: no read is restricted, and nobody kept access.",
    ),
    "no rules": (
        replace(NOTHING, retained_partners=0),
        replace(VIEW, cutoff=None),
        "0 partners kept access: the rulebook has no rules.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_sentence_says_as_much_as_the_figures_and_no_more(case: str) -> None:
    found, view, expected = CASES[case]
    assert sentence(found, view) == expected


def test_dates_are_told_forwards() -> None:
    assert dates_within(CUTOFF, AS_OF) == "2018-04-04 .. 2019-11-04"
    assert dates_within(CUTOFF, CUTOFF + 1) == "2018-04-04 .. 2018-04-04"
    for until in (CUTOFF, CUTOFF - 1, parse_point("2018-04-01")):
        assert dates_within(CUTOFF, until) == "none from 2018-04-04 on"
    assert read_words(CUTOFF, AS_OF) == "from 2018-04-04 to 2019-11-04 UTC"
    assert read_words(None, AS_OF) == "from the beginning to 2019-11-04 UTC"
    assert read_words(CUTOFF, CUTOFF) == "to 2018-04-03 UTC, where no rule is in force yet"
