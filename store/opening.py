"""Looking at a file before it is used as a store: is it one, is it whole, is it as this program makes it.

A file that is refused stays as it was, byte for byte, and so does a journal beside it. No time limit is set on queries:
only a view, a trigger or a generated column could make one of ours run long, and whoever brings those is refused.
"""

import os
import re
import shutil
import sqlite3
import stat
from pathlib import Path
from typing import NamedTuple

from store.connection import APPLICATION_ID, BUSY_TIMEOUT_MS, SCHEMA_VERSION, connect, damaged, is_writable
from store.errors import UnusableFileError
from store.leftovers import clear_leftovers, passing_name
from store.schema import statements
from store.tables import SCRIPTS

EVIDENCE_SUFFIX = ".evidence"
_OTHERS = 0o077
_CREATED = re.compile(r"^CREATE (TABLE|VIEW|TRIGGER) (\w+)", re.MULTILINE)
_ALTERED = re.compile(r"^ALTER TABLE (\w+)", re.MULTILINE)
_SCHEMA = "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('table', 'view', 'trigger')"
_CHECKED = "checked"

Objects = dict[tuple[str, str], str]


class Seen(NamedTuple):
    """What a look at a store tells.

    Attributes:
        version: of its schema.
        uses_wal: whether it keeps a write-ahead log beside it.
        notices: what its owner should know, each with what to do about it.
    """

    version: int
    uses_wal: bool
    notices: tuple[str, ...]


def look_at(path: Path, *, lenient: bool = False) -> Seen:
    """Look at a readable file, changing nothing, except that a whole store left in mid-write by a crash is recovered.

    Args:
        lenient: any database that bears our application id will do.

    Raises:
        UnusableFileError: it is no store, it is damaged, or its tables, views or triggers are not ours.
    """
    _refuse_what_is_not_ours(path)
    try:
        try:
            version, uses_wal, objects = _read(path)
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_READONLY_ROLLBACK:
                raise
            _recover(path)
            version, uses_wal, objects = _read(path)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if lenient and _is_damage(error):
            # It bears our application id, and `verify` says what is wrong with the rest.
            return Seen(0, False, tuple(mode_notices(path)))
        raise UnusableFileError(damaged(path, error)) from error
    notices = [] if lenient else _compare(path, version, objects)
    return Seen(version, uses_wal, (*notices, *mode_notices(path)))


def _is_damage(error: Exception) -> bool:
    """Whether the file itself is to blame; SQLite's own messages may quote what is no text."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    return isinstance(error, UnicodeDecodeError) or code == sqlite3.SQLITE_CORRUPT


def evidence_folder(store_path: Path) -> Path:
    """Where copies of evidence are: beside the file itself, also where it was opened by a symbolic link to it."""
    return Path(f"{os.path.realpath(store_path)}{EVIDENCE_SUFFIX}")


def mode_notices(path: Path) -> list[str]:
    """What to say where others than the owner may get at the store or its evidence."""
    notices = []
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OTHERS:
        notices.append(f"{path} has mode {mode:o}: others may get at it; `chmod 600` closes it")
    folder = evidence_folder(path)
    try:
        found = folder.lstat().st_mode
    except OSError:
        return notices
    if stat.S_ISDIR(found) and found & _OTHERS:
        notices.append(folder_notice(folder, found))
    return notices


def folder_notice(folder: Path, mode: int) -> str:
    """What to say of a folder of evidence that others than its owner may get at."""
    return f"{folder} has mode {stat.S_IMODE(mode):o}: others may get at the evidence; `chmod 700` closes it"


def _refuse_what_is_not_ours(path: Path) -> None:
    """Read the application id, and nothing else.

    Raises:
        UnusableFileError: it is another one, or there is none.
    """
    try:
        # Immutable: SQLite then heeds no journal, so that a foreign one is not rolled back.
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            # The first page is read also where the file is shorter than it says.
            connection.execute("PRAGMA writable_schema=ON")
            (application,) = connection.execute("PRAGMA application_id").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise UnusableFileError(f"{path} is not an Overscope store, or is damaged: {error}") from error
    if application != APPLICATION_ID:
        raise UnusableFileError(f"{path} is not an Overscope store; create one with `python -m store init --db FILE`")


def _read(path: Path) -> tuple[int, bool, Objects]:
    """Version, whether it uses WAL, and what it is made of, read without changing a byte."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000
    )
    try:
        for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0", "query_only=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
        objects = {(str(kind), str(name)): str(sql or "") for kind, name, sql in connection.execute(_SCHEMA)}
    finally:
        connection.close()
    return int(version), journal == "wal", objects


def _recover(path: Path) -> None:
    """Have SQLite take back what a crash left half-written, once a copy has shown that a whole store comes of it.

    Raises:
        UnusableFileError: no whole store comes of it, or the file cannot be written.
    """
    if not is_writable(path):
        raise UnusableFileError(
            f"{path} was left in mid-write by a crash: open it once where it and its folder can be written"
        )
    _try_on_a_copy(path)
    connection = connect(path, mode="rw")
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    finally:
        connection.close()


def _try_on_a_copy(path: Path) -> None:
    """Recover a copy of file and journal, and check it. Where a copy finds no room the store is recovered unseen.

    Reading the files drops nobody's locks: a journal is only left to be rolled back where nobody holds any.

    Raises:
        UnusableFileError: what comes of it is damaged.
    """
    real = Path(os.path.realpath(path))
    clear_leftovers(real, _CHECKED)
    folder = passing_name(real, _CHECKED)
    try:
        folder.mkdir(mode=0o700)
        copy = folder / "store"
        for suffix in ("", "-journal"):
            # The copies inherit the privacy of their folder.
            shutil.copyfile(f"{real}{suffix}", f"{copy}{suffix}")
        connection = connect(copy, mode="rw")
        try:
            (line,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
        if line != "ok":
            raise UnusableFileError(damaged(path, " ".join(str(line).split())))
    except sqlite3.Error as error:
        raise UnusableFileError(damaged(path, error)) from error
    except OSError:
        return
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _compare(path: Path, version: int, objects: Objects) -> list[str]:
    """Refuse views and triggers that are none of ours, and tables that are not as we make them.

    Tables of other names are let be: nothing here reads them. A newer store's tables may differ from ours.

    Returns:
        What to say of triggers that are missing.

    Raises:
        UnusableFileError: naming the first that differs.
    """
    is_newer = version > SCHEMA_VERSION
    expected = made_by(min(version, SCHEMA_VERSION))
    kinds = {name: kind for kind, name in expected}
    for (kind, name), sql in sorted(objects.items()):
        known = expected.get((kind, name))
        if known is None:
            if name in kinds or (kind != "table" and not is_newer):
                raise UnusableFileError(_altered(path, f"its {kind} {name} is none of ours"))
        elif _squeezed(sql) != _squeezed(known) and not (is_newer and kind == "table"):
            raise UnusableFileError(_altered(path, f"its {kind} {name} is not as this program makes it"))
    missing = [(kind, name) for kind, name in expected if (kind, name) not in objects]
    for kind, name in missing:
        if kind != "trigger":
            raise UnusableFileError(damaged(path, f"its {kind} {name} is missing"))
    if not missing or is_newer:
        return []
    return [f"{path} was altered: nothing keeps other programs from changing its log; {_verify(path)}"]


def _squeezed(sql: str) -> str:
    """The SQL without blanks: how SQLite sets them around an added column is its own affair."""
    return "".join(sql.split())


def _altered(path: Path, what: str) -> str:
    return f"{path} was altered by something else: {what}; {_verify(path)}"


def _verify(path: Path) -> str:
    return f"`python -m store verify --db {path}` says more"


def made_by(version: int) -> Objects:
    """The tables, views and triggers that this program makes at a version of the schema, each with its SQL."""
    scripts = "\n".join(SCRIPTS[: max(version, 1)])
    objects: Objects = {}
    altered = set(_ALTERED.findall(scripts))
    memory = sqlite3.connect(":memory:")
    try:
        for statement in statements(scripts):
            found = _CREATED.search(statement)
            if found is not None:
                sql = statement[found.start() :].rstrip().removesuffix(";").rstrip()
                objects[found[1].lower(), found[2]] = sql
            if (found is not None and found[2] in altered) or _ALTERED.search(statement):
                # How SQLite writes an added column into the table's text is best asked of SQLite.
                memory.execute(statement)
        for name, sql in memory.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'"):
            objects["table", name] = sql
    finally:
        memory.close()
    return objects
