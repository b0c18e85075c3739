"""The values of one record of the Microsoft 365 unified audit log, looked up by type: a surprise is never a crash.

Knows where the log keeps things, not what they mean for an incident.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import TypeAlias
from zoneinfo import ZoneInfo

from store.instants import parse_instant

Audit: TypeAlias = Mapping[str, object]

NO_GUID = "00000000-0000-0000-0000-000000000000"
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
# The log writes its times in UTC and leaves the zone out.
_ZONE = ZoneInfo("UTC")
_SUCCESS = frozenset({"succeeded", "success", "partiallysucceeded", "true"})
_FAILURE = frozenset({"failed", "failure", "false"})

assert UTC is not None
