"""Consents, grants, revocations and removals of the unified audit log: what an app was allowed, since when, until when.

One permission is often told twice (a consent and the grants it led to); both become the same grant, because app,
scope, resource (the object id of the API's service principal) and second are the same.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from store.ingest.m365_fields import (
    Audit,
    UnreadableError,
    folded_id,
    guid_in,
    instant_of,
    modified,
    prefixed_guid,
    succeeded,
    target_app_id,
    target_name,
    target_object,
    targets,
    text_of,
)
from store.ingest.records import Value
from store.instants import format_instant, format_optional

CONSENT = "Consent to application."
ADD_DELEGATED = "Add delegated permission grant."
REMOVE_DELEGATED = "Remove delegated permission grant."
ADD_ROLE_OF_APP = "Add app role assignment to service principal."
ADD_ROLE_OF_USER = "Add app role assignment grant to user."
REMOVE_SERVICE_PRINCIPAL = "Remove service principal."
DELETE_APPLICATION = "Delete application."

GRANTING = (CONSENT, ADD_DELEGATED, ADD_ROLE_OF_APP, ADD_ROLE_OF_USER)
ENDING = (REMOVE_SERVICE_PRINCIPAL, DELETE_APPLICATION)
EVERYBODY = "AllPrincipals"
_REMOVAL_REASON = "the application or its service principal was deleted in the tenant"

_PERMISSION = re.compile(r"\[([^\[\]]*)\]")
_PERMISSION_FIELD = re.compile(r"\s*(\w+):\s*(.*?)\s*(?:,(?=\s*\w+:(?:\s|,|$))|$)", re.DOTALL)
_BETWEEN_PERMISSIONS = re.compile(r"[\s,;\[\]]*")


class Permission(NamedTuple):
    """One scope of one app, as a record grants or revokes it.

    Attributes:
        app_id: the app id; the client's service principal id where the file does not tell the app id.
        scope: one word.
        resource_id: object id of the service principal of the API it opens; None if the record does not tell.
        holder: whose access it is: AllPrincipals, or the user who granted it for themselves; None for an app role.
    """

    app_id: str
    scope: str
    resource_id: str | None
    holder: str | None


class Grant(NamedTuple):
    """A permission, and since when it is held, microseconds UTC."""

    permission: Permission
    granted_at: int
    granted_by: str | None

    def fields(self, revoked_at: int | None = None) -> dict[str, Value]:
        """The columns of the canonical kind `grants`."""
        return {
            "app_id": self.permission.app_id,
            "scope": self.permission.scope,
            "resource_id": self.permission.resource_id,
            "granted_at": format_instant(self.granted_at),
            "granted_by": self.granted_by,
            "revoked_at": format_optional(revoked_at),
        }


@dataclass(slots=True)
class Directory:
    """What the whole file tells of its apps and grants, whatever the order of its records.

    Attributes:
        app_ids: object id of a service principal or application -> the app ids it was named with.
        grants: permission -> every instant it was granted at, with the grant.
        revocations: permission -> every instant it was revoked at.
        names: app id -> every name it was called by, and when first.
    """

    app_ids: dict[str, set[str]] = field(default_factory=dict)
    grants: dict[Permission, dict[int, Grant]] = field(default_factory=dict)
    revocations: dict[Permission, set[int]] = field(default_factory=dict)
    names: dict[str, dict[str, int]] = field(default_factory=dict)

    def app_id(self, object_id: str | None) -> str | None:
        """The app id of a service principal or application; None where the file names none, or two."""
        named = self.app_ids.get(object_id or "", set())
        return next(iter(named)) if len(named) == 1 else None

    def name_app(self, object_id: str | None, app_id: str | None) -> None:
        """Note which app a service principal or application belongs to."""
        if object_id is not None and app_id is not None and object_id != app_id:
            self.app_ids.setdefault(object_id, set()).add(app_id)

    def ended_at(self, permission: Permission, granted_at: int) -> int | None:
        """When a grant was revoked: the first revocation after it; in the same second the grant is the newer one."""
        return min((at for at in self.revocations.get(permission, ()) if at > granted_at), default=None)


def learn_names(audit: Audit, directory: Directory) -> None:
    """Note every pair of a service principal or application object and its app id that the record tells."""
    client = guid_in(modified(audit, "ServicePrincipal.ObjectID")[1])
    directory.name_app(client, guid_in(modified(audit, "ServicePrincipal.AppId")[1]))
    app_id = target_app_id(audit)
    directory.name_app(target_object(audit, "ServicePrincipal_"), app_id)
    created = guid_in(modified(audit, "AppId")[1])
    directory.name_app(target_object(audit, "Application_"), created or app_id)
    if text_of(audit, "Operation") == CONSENT and succeeded(audit):
        for entry in _permissions(audit):
            directory.name_app(guid_in(entry.get("ClientId")), app_id)


def learn_grants(audit: Audit, directory: Directory) -> None:
    """Note what the record calls its app, and the grants it makes or revokes; `learn_names` has seen every record."""
    operation = text_of(audit, "Operation")
    app_id, name = _named(audit, directory)
    if app_id is not None and name is not None and succeeded(audit):
        at, names = instant_of(audit), directory.names.setdefault(app_id, {})
        names[name] = min(at, names.get(name, at))
    if operation == REMOVE_DELEGATED and succeeded(audit):
        at = instant_of(audit)
        for permission in revoked(audit, directory):
            directory.revocations.setdefault(permission, set()).add(at)
    elif operation in GRANTING and succeeded(audit):
        for grant in granted(audit, directory):
            directory.grants.setdefault(grant.permission, {}).setdefault(grant.granted_at, grant)


def apps_named(audit: Audit, directory: Directory) -> list[dict[str, Value]]:
    """The columns of the canonical kind `apps`, where the record names the app it is about; else nothing.

    The names this file gives the app before come first, so that the latest one stands whatever the order of records.
    """
    app_id, name = _named(audit, directory)
    if app_id is None or name is None:
        return []
    at = instant_of(audit)
    known = sorted((first, earlier) for earlier, first in directory.names.get(app_id, {}).items() if first <= at)
    return [{"app_id": app_id, "name": each} for each in dict.fromkeys([*(earlier for _, earlier in known), name])]


def _named(audit: Audit, directory: Directory) -> tuple[str | None, str | None]:
    operation = text_of(audit, "Operation")
    if operation == ADD_ROLE_OF_APP:
        app_id = guid_in(modified(audit, "ServicePrincipal.AppId")[1])
        return app_id, modified(audit, "ServicePrincipal.DisplayName")[1]
    if operation in (CONSENT, ADD_ROLE_OF_USER):
        return _own_app_id(audit), target_name(audit)
    if operation in ENDING:
        return _ended_app_id(audit, directory), target_name(audit)
    return None, None


def granted(audit: Audit, directory: Directory) -> list[Grant]:
    """The grants that the record makes, one for each scope.

    Raises:
        UnreadableError: it does not say for which app, or for what.
    """
    operation = text_of(audit, "Operation")
    if operation == CONSENT:
        permissions = _consented(audit)
    elif operation == ADD_DELEGATED:
        permissions = _delegated(audit, directory, modified(audit, "DelegatedPermissionGrant.Scope")[1])
        if not permissions:
            raise UnreadableError("it grants no scope")
    else:
        permissions = _assigned(audit, directory)
    at, by = instant_of(audit), text_of(audit, "UserId")
    return [Grant(permission, at, by) for permission in dict.fromkeys(permissions)]


def revoked(audit: Audit, directory: Directory) -> list[Permission]:
    """What OldValue has and NewValue lacks: the operation's name alone proves no revocation."""
    old, new = modified(audit, "DelegatedPermissionGrant.Scope")
    kept = set((new or "").split())
    lost = [scope for scope in dict.fromkeys((old or "").split()) if scope not in kept]
    return _delegated(audit, directory, " ".join(lost)) if lost else []


def ended_by(audit: Audit, directory: Directory) -> tuple[list[Grant], int]:
    """The grants of this file that the revocation ends, and how many earlier grants of the same permissions there are.

    A grant that an earlier revocation has ended is counted and not given.
    """
    at = instant_of(audit)
    earlier = [
        grant
        for permission in revoked(audit, directory)
        for grant in directory.grants.get(permission, {}).values()
        if grant.granted_at < at
    ]
    return [grant for grant in earlier if directory.ended_at(grant.permission, grant.granted_at) == at], len(earlier)


def removal(audit: Audit, directory: Directory) -> dict[str, Value]:
    """The columns of the canonical kind `removals`.

    Raises:
        UnreadableError: neither the record nor the file tells the app id.
    """
    app_id = _ended_app_id(audit, directory)
    if app_id is None:
        raise UnreadableError("it tells only the object that was deleted, and nothing in this file tells its app id")
    return {"app_id": app_id, "removed_at": format_instant(instant_of(audit)), "reason": _REMOVAL_REASON}


def _ended_app_id(audit: Audit, directory: Directory) -> str | None:
    """The app id of what was deleted; an application's record often tells only the object, the file its app id."""
    found = target_app_id(audit)
    if found is not None or text_of(audit, "Operation") != DELETE_APPLICATION:
        return found
    object_id = target_object(audit, "Application_") or prefixed_guid(text_of(audit, "ObjectId"), "Application_")
    return directory.app_id(object_id)


def _own_app_id(audit: Audit) -> str | None:
    """The app id of the app that was consented to; ids that are no GUIDs are taken as they are."""
    found = target_app_id(audit)
    written = text_of(audit, "ObjectId")
    if found is not None or written is None or written.startswith(("Application_", "ServicePrincipal_")):
        return found
    return folded_id(written.split(";")[0].strip() or None)


def _consented(audit: Audit) -> list[Permission]:
    app_id = _own_app_id(audit)
    if app_id is None:
        raise UnreadableError("it does not tell the app id that was consented to")
    everybody = (modified(audit, "ConsentContext.OnBehalfOfAll")[1] or "").lower() == "true"
    permissions = []
    for entry in _permissions(audit):
        principal = guid_in(entry.get("PrincipalId"))
        holder = _holder(audit, entry.get("ConsentType") or (EVERYBODY if everybody else None), principal)
        resource = folded_id(entry.get("ResourceId") or None)
        permissions += [Permission(app_id, scope, resource, holder) for scope in entry["Scope"].split(",")[0].split()]
    return permissions


def _permissions(audit: Audit) -> Iterator[dict[str, str]]:
    """The new list of ConsentAction.Permissions, `[old] => [[Id: .., ClientId: .., Scope: a b], [..]]; `."""
    written = modified(audit, "ConsentAction.Permissions")[1]
    if written is None:
        return
    _, arrow, after = written.rpartition("=>")
    if not arrow:
        raise UnreadableError("ConsentAction.Permissions has no new list")
    if _BETWEEN_PERMISSIONS.fullmatch(_PERMISSION.sub("", after)) is None:
        raise UnreadableError("ConsentAction.Permissions is cut short or of an unknown form")
    for match in _PERMISSION.finditer(after):
        body = match.group(1).strip()
        if not body:
            continue
        entry = {part.group(1): part.group(2) for part in _PERMISSION_FIELD.finditer(body) if part.group(1)}
        if "Scope" not in entry:
            raise UnreadableError("ConsentAction.Permissions holds a permission without a Scope")
        yield entry


def _delegated(audit: Audit, directory: Directory, scopes: str | None) -> list[Permission]:
    client = _either(modified(audit, "ServicePrincipal.ObjectID"))
    app_id = guid_in(_either(modified(audit, "ServicePrincipal.AppId"))) or directory.app_id(guid_in(client))
    app_id = app_id or folded_id(client)
    if app_id is None:
        raise UnreadableError("it does not tell whose permission it is (ServicePrincipal.ObjectID)")
    kind = _either(modified(audit, "DelegatedPermissionGrant.ConsentType"))
    principal = guid_in(_either(modified(audit, "DelegatedPermissionGrant.PrincipalId")))
    holder = _holder(audit, kind, principal)
    resource = target_object(audit, "ServicePrincipal_")
    return [Permission(app_id, scope, resource, holder) for scope in (scopes or "").split()]


def _assigned(audit: Audit, directory: Directory) -> list[Permission]:
    """An app role; the role without a value is mere membership and opens nothing."""
    resource = target_object(audit, "ServicePrincipal_")
    if text_of(audit, "Operation") == ADD_ROLE_OF_USER:
        app_id = _own_app_id(audit)
    else:
        client = modified(audit, "ServicePrincipal.ObjectID")[1]
        named = guid_in(modified(audit, "ServicePrincipal.AppId")[1])
        app_id = named or directory.app_id(guid_in(client)) or folded_id(client)
    if app_id is None:
        raise UnreadableError("it does not tell which app the role was assigned to")
    role = modified(audit, "AppRole.Value")[1] or guid_in(modified(audit, "AppRole.Id")[1])
    return [] if role is None else [Permission(app_id, role, resource, None)]


def _either(values: tuple[str | None, str | None]) -> str | None:
    """A removal writes what it names as the old value, a grant as the new one."""
    return values[1] or values[0]


def _holder(audit: Audit, kind: str | None, principal: str | None) -> str | None:
    if kind == EVERYBODY:
        return EVERYBODY
    actors = (prefixed_guid(written, "User_") for _, written in targets(audit, "Actor"))
    return principal or next((found for found in actors if found), None) or text_of(audit, "UserId")
