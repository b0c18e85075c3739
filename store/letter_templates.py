"""The templates of letters: shipped ones, those beside a store, those that somebody names; and filling them in.

A template is text with `$field` or `${field}` in it (`string.Template`); `$$` is a dollar. It knows nothing of fields
but their names.
"""

import os
import re
import stat
from collections.abc import Collection, Mapping
from importlib import resources
from pathlib import Path
from string import Template
from typing import NamedTuple

from store.errors import UnusableFileError, UsageError
from store.text import clean

DELETION, CHECKLIST = "deletion", "checklist"
KINDS = (DELETION, CHECKLIST)
_MOST_BYTES = 1 << 20
_SIDE_FILES = ("", "-wal", "-shm", "-journal")
_TO_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_EMPTY_LINES = re.compile(r"\n{3,}")


class LetterTemplate(NamedTuple):
    """A template's text, and where it is from, for messages."""

    text: str
    origin: str


def template_folder(store: Path | str) -> Path:
    """Where the templates of one store are looked for before the shipped ones."""
    return Path(f"{store}.templates")


def shipped_template(kind: str, form: str) -> str:
    """The text of the template that this program ships."""
    return resources.files("store").joinpath("templates", f"{kind}.{form}").read_text("utf-8")


def find_template(store: Path, kind: str, form: str, chosen: Path | None = None) -> LetterTemplate:
    """The template to use: the one that somebody chose, else the store's own, else the shipped one.

    Raises:
        UsageError: a file is no readable template.
        UnusableFileError: it is the store itself.
    """
    if chosen is not None:
        return LetterTemplate(_read(chosen, store), str(chosen))
    own = template_folder(store) / f"{kind}.{form}"
    if own.exists() or own.is_symlink():
        return LetterTemplate(_read(own, store), str(own))
    return LetterTemplate(shipped_template(kind, form), f"the shipped {kind}.{form}")


def check_template(template: LetterTemplate, known: Collection[str]) -> None:
    """Refuse a template that names a field that there is not.

    Raises:
        UsageError: naming the field, its line and the known fields; or the line of a lone dollar.
    """
    for found in Template.pattern.finditer(template.text):
        line = template.text.count("\n", 0, found.start()) + 1
        if found["invalid"] is not None:
            raise UsageError(f"{template.origin}, line {line}: a lone $; write $$ for a dollar, or $field for a field")
        name = found["named"] or found["braced"]
        if name is not None and name not in known:
            raise UsageError(
                f"{template.origin}, line {line}: there is no field ${clean(name)}; the fields are "
                + ", ".join(f"${each}" for each in sorted(known))
            )


def fill_in(template: LetterTemplate, fields: Mapping[str, str]) -> str:
    """The template with its fields filled in, one empty line at most between two others.

    Raises:
        UsageError: see `check_template`.
    """
    check_template(template, fields)
    return _EMPTY_LINES.sub("\n\n", Template(template.text).substitute(fields)).strip() + "\n"


def _read(path: Path, store: Path) -> str:
    try:
        found = path.stat()
        _refuse_store(path, found, store)
        descriptor = os.open(path, _TO_READ)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UsageError(f"{path} is not a file; give the path of a template")
            content = stream.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the template {path}: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > _MOST_BYTES:
        raise UsageError(f"{path} is larger than {_MOST_BYTES:,} bytes: that is no template")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not valid UTF-8 (byte {error.start:,}): that is no template") from error


def _refuse_store(path: Path, found: os.stat_result, store: Path) -> None:
    # Even opening and closing the store here would drop SQLite's locks on it.
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{path} is not a file; give the path of a template")
    for suffix in _SIDE_FILES:
        own = Path(f"{os.path.realpath(store)}{suffix}")
        if own.exists() and os.path.samestat(found, own.stat()):
            raise UnusableFileError(f"{path} is the store itself; give the path of a template")
