"""How outside ids are compared: exactly after trimming blanks, a mail address without case (INTERFACE, Files in)."""

import re

_MAIL_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


def fold_id(text: str) -> str:
    """An outside id, trimmed of blanks, as it is compared: a mail address in lower case, any other as it is."""
    stripped = text.strip()
    return stripped.lower() if "@" in stripped and _MAIL_ADDRESS.fullmatch(stripped) else stripped
