"""The values of one record of the Microsoft 365 unified audit log, looked up by type: a surprise is never a crash.

Knows where the log keeps things, not what they mean for an incident.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from store.instants import format_day, parse_instant

Audit: TypeAlias = Mapping[str, object]

NO_GUID = "00000000-0000-0000-0000-000000000000"
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_OFFSET = re.compile(r"(?:[Zz]|[+-]\d{2}:?\d{2}|[+-]\d{2})\Z", re.ASCII)
_ABSENT = frozenset({"", "null", "<null>", "not available"})
_SUCCESS = frozenset({"succeeded", "success", "partiallysucceeded", "true"})
_FAILURE = frozenset({"failed", "failure", "false"})
_HIGHEST_COUNT = 2**63 - 1
_EARLIEST = parse_instant("1990-01-01T00:00:00Z")
_AFTER_LATEST = parse_instant("2101-01-01T00:00:00Z")


class UnreadableError(ValueError):
    """A value we need is of a type or a form the log never writes. The message is the reason for the quarantine."""


def text_of(audit: Audit, name: str) -> str | None:
    """A text value, trimmed; None where it is absent or says that it is.

    Raises:
        UnreadableError: it is no text.
    """
    value = audit.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise UnreadableError(f"{name} is not a text")
    stripped = value.strip()
    return None if stripped.lower() in _ABSENT else stripped


def object_of(audit: Audit, name: str) -> Audit:
    """A nested object; empty where it is absent.

    Raises:
        UnreadableError: it is no object.
    """
    value = audit.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadableError(f"{name} is not an object")
    return value


def objects_of(audit: Audit, name: str) -> list[Audit]:
    """A list of objects; empty where it is absent.

    Raises:
        UnreadableError: it is no list, or holds something else.
    """
    value = audit.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise UnreadableError(f"{name} is not a list of objects")
    return value


def count_of(audit: Audit, name: str) -> int | None:
    """A whole number from 0, also where it is written as text; None where it is absent.

    Raises:
        UnreadableError: it is anything else.
    """
    value = audit.get(name)
    if isinstance(value, str):
        stripped = value.strip()
        if not stripped:
            return None
        value = int(stripped) if stripped.isascii() and stripped.isdigit() and len(stripped) < 20 else stripped
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _HIGHEST_COUNT:
        raise UnreadableError(f"{name} is not a count")
    return value


def instant_of(audit: Audit) -> int:
    """When the record says it happened, microseconds UTC: the log leaves the zone out and means UTC.

    Raises:
        UnreadableError: there is no readable CreationTime, or it is the empty date of the software that wrote it.
    """
    written = text_of(audit, "CreationTime")
    if written is None:
        raise UnreadableError("it has no CreationTime")
    try:
        at = parse_instant(written if _OFFSET.search(written[10:]) else f"{written}Z")
    except ValueError as error:
        raise UnreadableError(f"CreationTime is {error}") from error
    if not _EARLIEST <= at < _AFTER_LATEST:
        raise UnreadableError(f"CreationTime is {format_day(at)}, which is outside 1990..2100")
    return at


def succeeded(audit: Audit) -> bool:
    """Whether the operation was done; files say nothing, which means yes.

    Raises:
        UnreadableError: the result is a word the log does not define.
    """
    word = text_of(audit, "ResultStatus")
    if word is None or word.lower() in _SUCCESS:
        return True
    if word.lower() in _FAILURE:
        return False
    raise UnreadableError(f"ResultStatus is {word[:40]!r}, which is neither a success nor a failure")


def guid_in(text: str | None) -> str | None:
    """The text in lower case if it is a GUID that names something, else None."""
    if text is None or _GUID.fullmatch(text.strip()) is None:
        return None
    found = text.strip().lower()
    return None if found == NO_GUID else found


def folded_id(text: str | None) -> str | None:
    """An id for comparing: GUIDs in lower case and never the empty one, everything else as it is written."""
    if text is None or _GUID.fullmatch(text) is None:
        return text
    return guid_in(text)


def guid_among(names: str | None) -> str | None:
    """The app id in a list such as `https://one;22222222-...` or `00000003-.../host;...`: the first that is a GUID."""
    parts = (names or "").split(";")
    whole = next((found for part in parts if (found := guid_in(part))), None)
    return whole or next((found for part in parts if (found := guid_in(part.split("/")[0]))), None)


def prefixed_guid(text: str | None, prefix: str) -> str | None:
    """The GUID of `ServicePrincipal_<guid>` and the like."""
    return guid_in(text.removeprefix(prefix)) if text is not None and text.startswith(prefix) else None


def targets(audit: Audit, name: str = "Target") -> Iterator[tuple[str, str]]:
    """(type, id) of each entry of `Target` or `Actor`: type 1 a name, 2 an id, 4 service principal names, 5 a UPN."""
    for entry in objects_of(audit, name):
        kind, written = entry.get("Type"), text_of(entry, "ID")
        if isinstance(kind, bool) or not isinstance(kind, int | str):
            raise UnreadableError(f"{name} holds an entry without a Type")
        if written is not None:
            yield str(kind).strip(), written


def target_name(audit: Audit) -> str | None:
    """The display name of what the operation was done to."""
    return next((written for kind, written in targets(audit) if kind == "1"), None)


def target_object(audit: Audit, prefix: str) -> str | None:
    """The object id of what the operation was done to, where it is of this sort (`ServicePrincipal_`, ...)."""
    return next((found for _, written in targets(audit) if (found := prefixed_guid(written, prefix))), None)


def target_app_id(audit: Audit) -> str | None:
    """The app id of the application or service principal that the operation was done to, if the record tells it."""
    listed = list(targets(audit))
    named = [text_of(audit, "ObjectId"), modified(audit, "TargetId.ServicePrincipalNames")[1]]
    named += [written for kind, written in listed if kind == "4"]
    found = next((guid for names in named if (guid := guid_among(names))), None)
    if found is not None:
        return found
    own = {guid for _, written in listed if (guid := guid_in(written.rpartition("_")[2])) and "_" in written}
    return next(
        (guid for kind, written in listed if kind == "2" and (guid := guid_in(written)) and guid not in own), None
    )


def modified(audit: Audit, name: str) -> tuple[str | None, str | None]:
    """(old, new) of one entry of ModifiedProperties; both None where there is none.

    Raises:
        UnreadableError: the entry is there and holds no texts.
    """
    for entry in objects_of(audit, "ModifiedProperties"):
        if entry.get("Name") == name:
            return _plain(text_of(entry, "OldValue")), _plain(text_of(entry, "NewValue"))
    return None, None


def _plain(written: str | None) -> str | None:
    """The value of `["a"]` or `"a"`, as directory records of another age write them; several joined by blanks."""
    if written is None or written[0] not in '["':
        return written
    try:
        value = json.loads(written)
    except (ValueError, RecursionError):
        return written
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " ".join(value).strip() or None
    return written
