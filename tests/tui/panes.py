"""Hand-made answers, and an app of one widget, for the tests of the panes."""

from itertools import pairwise
from typing import Any

from textual.app import App, ComposeResult
from textual.widget import Widget

from store.audits import Step, Track
from store.instants import parse_point
from store.partners import PartnerRow
from store.timeline import Bin, Gap, Marker, Timeline
from tui.theme import THEME

HOSTILE = "[@click=app.quit]boom[/nope] \x1b]52;c;aGk=\x07"

ROW = PartnerRow(
    partner=41,
    partner_id="p-0041",
    name="Ribbon Social",
    claimed=True,
    retained=True,
    granted=True,
    apps=3,
    people=12_204,
    events=37_912,
    resources=88,
    records=40_000,
    first_at=parse_point("2018-04-05"),
    last_at=parse_point("2019-11-03T05:00:00Z"),
    recent=310,
    after_removal=206,
    first_lag=187_860_000_000,
    without_subject=310,
    status="flagged",
    grounds=None,
    override=False,
    stage="deletion_requested",
    track="RND----",
    due=parse_point("2020-01-04"),
    overdue=True,
    assignee="ana",
    version=4,
    search="ribbon social",
)


def row(number: int, **changes: Any) -> PartnerRow:
    """Another partner's row."""
    return ROW._replace(partner=number, partner_id=f"p-{number:04}", **changes)


def step(name: str, date: str, **changes: Any) -> Step:
    """A step that took effect on a date."""
    values: dict[str, Any] = {
        "step": name,
        "at": parse_point(date),
        "at_is_date": True,
        "app_id": None,
        "due": None,
        "note": None,
        "evidence": None,
        "by": "ana",
        "seq": 7,
    }
    return Step(**{**values, **changes})


STEPS = (
    step("access_removed", "2019-10-28"),
    step("notified", "2019-11-05", evidence="letter.eml"),
    step("deletion_requested", "2019-11-05", due=parse_point("2020-01-04")),
)
TRACK = Track(
    partner=41,
    partner_id="p-0041",
    name="Ribbon Social",
    stage="deletion_requested",
    letters="RND----",
    steps=STEPS,
    done={one.step: one for one in STEPS},
    apps_done={"access_removed": (3, 3), "notified": (3, 3), "deletion_requested": (2, 3)},
    next_step="deletion_certified",
    due=parse_point("2020-01-04"),
    overdue=True,
    notes=((parse_point("2020-01-13"), "ana", "counsel asked for the server list", True),),
)


def timeline_of(from_at: int, until_at: int, bins: int) -> Timeline:
    """A timeline that answers any window: ten restricted reads a day, from the rule to the removal."""
    begin, end = parse_point("2018-04-04"), parse_point("2019-10-28")
    day = 86_400_000_000
    edges = [from_at + i * (until_at - from_at) // bins for i in range(bins + 1)]
    rows = []
    for a, b in pairwise(edges):
        rows.append(Bin(a, b, 10 * (max(min(b, end) - max(a, begin), 0)) // day, 0, 0, 0, 0, 0))
    markers = (
        Marker(parse_point("2017-06-01"), "grant", f"Ribbon Go {HOSTILE}"),
        Marker(begin, "rule", "groups-api-2018-04-04"),
        Marker(end, "removal", HOSTILE),
    )
    shown = tuple(one for one in markers if from_at <= one.at < until_at)
    gaps = (Gap(parse_point("2018-11-03"), parse_point("2018-11-14"), "gateway"),)
    return Timeline(from_at, until_at, tuple(rows), shown, gaps, ((begin, end),))


class OnePane(App[None]):
    """One widget on a screen, with the dashboard's colours."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.register_theme(THEME)
        self.theme = THEME.name
        self.animation_level = "none"
        self.widget = widget

    def compose(self) -> ComposeResult:
        """The widget."""
        yield self.widget


def screen_text(app: App[None]) -> list[str]:
    """What is on the screen, a string a line."""
    app.screen.refresh()
    compositor = app.screen._compositor
    return ["".join(segment.text for segment in strip) for strip in compositor.render_strips()]
