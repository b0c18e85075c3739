"""Reads of mail and files in the unified audit log: one record, one access event."""

import re

from store.aliases import PERSONAL, path_word
from store.ingest.m365_fields import (
    Audit,
    count_of,
    folded_id,
    instant_of,
    object_of,
    objects_of,
    succeeded,
    text_of,
)
from store.ingest.records import Value
from store.instants import format_instant

MAIL = {"MailItemsAccessed": "mail.item", "AttachmentAccess": "mail.attachment"}
FILES = {"FileAccessed": "file.content", "FileDownloaded": "file.content"}
DATA_CLASSES = {**MAIL, **FILES}

_PERSONAL = re.compile(r"\Ahttps?://[^/]+/personal/([^/?#]+)", re.IGNORECASE)
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\d+)?|([0-9.]+):\d+", re.ASCII)


def access_event(audit: Audit) -> dict[str, Value]:
    """The columns of the canonical kind `access_events`.

    Raises:
        UnreadableError: a value we need is not what the log writes.
    """
    operation = text_of(audit, "Operation") or ""
    is_mail = operation in MAIL
    workload = text_of(audit, "Workload")
    access_type = _access_type(audit)
    words = [word for word in (workload, operation, access_type) if word is not None]
    items = _folder_items(audit) if is_mail else []
    return {
        "occurred_at": format_instant(instant_of(audit)),
        "app_id": app_of(audit) or f"unknown:{(workload or 'm365').lower()}",
        "data_class": [DATA_CLASSES[operation]],
        "subject_id": text_of(audit, "MailboxOwnerUPN") if is_mail else _owner_of_file(audit),
        "resource_id": _mailbox(audit) if is_mail else text_of(audit, "ObjectId"),
        "endpoint": " ".join(words),
        "records": _mail_records(audit, items, access_type) if is_mail else 1,
        "bytes": _bytes_of(items) if is_mail else count_of(audit, "FileSizeBytes"),
        "ip": address_of(audit),
        "outcome": "success" if succeeded(audit) else "error",
        "event_id": text_of(audit, "Id"),
    }


def app_of(audit: Audit) -> str | None:
    """The app that read; None where the record names none, which happens to one mail read in six."""
    named = (
        text_of(audit, "ClientAppId"),
        text_of(audit, "ApplicationId"),
        text_of(object_of(audit, "AppAccessContext"), "ClientAppId"),
        text_of(audit, "AppId"),
    )
    return next((found for written in named if (found := folded_id(written)) is not None), None)


def address_of(audit: Audit) -> str | None:
    """The address the read came from, without its port: `203.0.113.9:1234` and `[2001:db8::1]:1234` carry one."""
    for name in ("ClientIPAddress", "ClientIP", "ActorIpAddress"):
        written = text_of(audit, name)
        if written is not None:
            match = _WITH_PORT.fullmatch(written)
            return (match.group(1) or match.group(2)) if match else written
    return None


def _access_type(audit: Audit) -> str | None:
    entries = objects_of(audit, "OperationProperties")
    return next((text_of(entry, "Value") for entry in entries if entry.get("Name") == "MailAccessType"), None)


def _mailbox(audit: Audit) -> str | None:
    return text_of(audit, "MailboxOwnerUPN") or folded_id(text_of(audit, "MailboxGuid"))


def _folder_items(audit: Audit) -> list[Audit]:
    return [item for folder in objects_of(audit, "Folders") for item in objects_of(folder, "FolderItems")]


def _mail_records(audit: Audit, items: list[Audit], access_type: str | None) -> int | None:
    """How many messages were read; a sync names none and hands out the folder as a whole: unknown."""
    counted = count_of(audit, "OperationCount")
    if not items and (access_type or "").lower() == "sync":
        return None
    if counted is not None:
        return counted
    return len(items) or None


def _bytes_of(items: list[Audit]) -> int | None:
    """Their sizes together, only where each has one: a part would read like the whole."""
    sizes = [count_of(item, "SizeInBytes") for item in items]
    known = [size for size in sizes if size is not None]
    return sum(known) if known and len(known) == len(sizes) else None


def _owner_of_file(audit: Audit) -> str | None:
    """The owner of a personal site: their UPN if the record itself tells it, else the site's path.

    Whose path it is, other records may tell: see `store.aliases`.
    """
    address = text_of(audit, "SiteUrl") or text_of(audit, "ObjectId")
    match = _PERSONAL.match(address or "")
    if match is None:
        return None
    written = match.group(1).lower()
    reader = text_of(audit, "UserId")
    if reader is not None and "@" in reader and path_word(reader) == written:
        return reader
    return PERSONAL + written
