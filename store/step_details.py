"""What a step says beyond its date: how many people, which recipient, what a sample showed. It knows no tables."""

import json
from typing import NamedTuple

from store.errors import UsageError
from store.words import count_words

# What a partner says of the data it held, whom it passed them on to and what became of that, what an auditor found.
STATEMENT = "statement"
NO_RECIPIENTS, UNANSWERED, NAMED = "recipients_none", "recipients_unanswered", "recipient_named"
RECIPIENT_STEPS = ("recipient_asked", "recipient_certified", "recipient_verified")
SAMPLE_CHECKED = "sample_checked"
# They never move the track.
DECLARATIONS = (STATEMENT, NO_RECIPIENTS, UNANSWERED, NAMED, *RECIPIENT_STEPS, SAMPLE_CHECKED)

_MOST = 2**53
_WANTED = {
    STATEMENT: ("people",),
    NAMED: ("recipient",),
    **dict.fromkeys(RECIPIENT_STEPS, ("recipient",)),
    SAMPLE_CHECKED: ("sample", "checked", "found"),
}
_HOW = {
    "people": "--people N: how many people's data the partner says it held",
    "recipient": "--recipient NAME: whom the data went to",
    "sample": "--sample N: the number of the log entry that drew the sample",
    "checked": "--checked N: how many of the sample were looked for",
    "found": "--found N: how many of them were still held",
}


class Details(NamedTuple):
    """What a step says beyond its date; None where it says nothing of the kind.

    Attributes:
        people: how many people's data the partner says it held (`statement`).
        recipient: whom it passed the data on to (`recipient_...`), as the partner names them.
        sample: the log entry that drew the sample; `checked` of its people were looked for, `found` were still held.
    """

    people: int | None = None
    recipient: str | None = None
    sample: int | None = None
    checked: int | None = None
    found: int | None = None

    def document(self) -> dict[str, int | str]:
        """What is said, by name, as the log and the table keep it."""
        return {name: value for name, value in self._asdict().items() if value is not None}

    @classmethod
    def of_text(cls, text: str | None) -> "Details | None":
        """What the column `details` says."""
        return None if text is None else cls(**json.loads(text))


def details_words(details: Details | None) -> str:
    """What is said, in words: `9,000 people`, `58 of sample #412 checked, none found`; empty for nothing."""
    if details is None:
        return ""
    if details.people is not None:
        return f"{count_words(details.people)} {'person' if details.people == 1 else 'people'}"
    if details.recipient is not None:
        return details.recipient
    found = count_words(details.found) if details.found else "none"
    return f"{count_words(details.checked or 0)} of sample #{details.sample} checked, {found} found"


def check_details(step: str, details: Details) -> Details | None:
    """The details as they may be recorded with this step; None where it has none.

    Raises:
        UsageError: something is missing, or is not this step's to say.
    """
    wanted = _WANTED.get(step, ())
    told = details.document()
    for name in wanted:
        if name not in told or told[name] == "":
            raise UsageError(f"{step} needs {_HOW[name]}")
    for name, value in told.items():
        if name not in wanted:
            raise UsageError(f"{step} takes no {_HOW[name].split(':')[0]}")
        if isinstance(value, int) and not 0 <= value <= _MOST:
            raise UsageError(f"{name} {value} is no count")
    if details.checked is not None and details.found is not None and details.found > details.checked:
        raise UsageError(
            f"{details.found} found of {details.checked} checked: no more can be found than were looked for"
        )
    return details if wanted else None
