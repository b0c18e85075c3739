"""The shapes of secrets that logs are known to carry, each with the page that defines it; see `store.redaction`.

Every pattern takes time linear in the text (tested). Ids are folded before they get here, so case never decides alone.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

_RFC = "https://www.rfc-editor.org/rfc/rfc"
_GITHUB = (
    "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github"
)
_SCANNING = "https://docs.github.com/en/code-security/secret-scanning/introduction/supported-secret-scanning-patterns"


class Shape(NamedTuple):
    """One shape.

    Attributes:
        name: what it is.
        hint: a pattern that any text with such a secret holds; as DuckDB's expressions and Python's know it alike.
        pattern: finds it; the secret is the named group that matched, the only one.
        source: where it is defined.
        is_secret: judges what the pattern found.
    """

    name: str
    hint: str
    pattern: re.Pattern[str]
    source: str
    is_secret: Callable[[str], bool]


def _anything(found: str) -> bool:
    return True


def _looks_random(found: str) -> bool:
    """Not a mere word: it holds a digit, or a capital after a small letter."""
    small = _SMALL.search(found)
    is_mixed = small is not None and _CAPITAL.search(found, small.end()) is not None
    return is_mixed or any(character.isdigit() for character in found)


def _is_no_word(found: str) -> bool:
    return not (found.isalpha() and len(found) < 20) or _looks_random(found)


def _has_digit_and_letter(found: str) -> bool:
    return any(each.isdigit() for each in found) and any(each.isalpha() for each in found)


def _is_session(found: str) -> bool:
    """A Windows SID names an account; it opens nothing."""
    return _looks_random(found) and not found.upper().startswith("S-1-")


def _is_password(found: str) -> bool:
    """`pwd` also names a folder."""
    return not found.startswith(("/", "*"))


def _is_no_digest(found: str) -> bool:
    return _HEX.fullmatch(found) is None


def _is_access_key(found: str) -> bool:
    """In capitals, or folded with a digit in it: else it may be a word that begins like one."""
    return found.isupper() or found[:4].lower() == "akia" or any(each.isdigit() for each in found)


def _holds_a_cookie(found: str) -> bool:
    return "=" in found


_SMALL = re.compile(r"[a-z]")
_CAPITAL = re.compile(r"[A-Z]")
_HEX = re.compile(r"[0-9a-fA-F]+")

# What may stand between a name and its value: quotes of JSON, doubled in CSV or escaped; `%3D` in a nested address.
_AFTER_NAME = r"""["'\\]{0,4}\s{0,4}(?:=|:|%(?:25){0,2}3D)\s{0,4}"""
_AFTER_NAME_SURELY = r"""(?:\s{0,4}(?:=|%(?:25){0,2}3D)\s{0,4}|["'\\]{1,4}\s{0,4}:\s{0,4}(?=["'\\]))"""
_ENCODED_END = r"(?!%(?:25){0,2}(?:26|20|22|23|3B))"
_GIVEN = r"(?!\[secret )"
_QUOTED = (
    rf"""\\{{0,3}}"{{1,2}}{_GIVEN}(?P<quoted>[^"\\]LEAST(?:[^"\\]|\\+[^"\\])*)|'{_GIVEN}(?P<single>[^']LEAST[^']*)"""
)
_BARE_PASSWORD = rf"""(?P<bare>(?:{_ENCODED_END}[^\s&"'<>\#;\\])(?:{_ENCODED_END}[^\s&"'<>\#;\\])LEAST)"""
_BARE_TOKEN = rf"""(?P<bare>(?:{_ENCODED_END}[^\s&"'<>\#;\\,?])(?:{_ENCODED_END}[^\s&"'<>\#;\\,?])LEAST)"""


def _parameter(names: str, least: int, *, after: str = _AFTER_NAME, bare: str = _BARE_TOKEN) -> re.Pattern[str]:
    """A named value of at least so many characters, in a query, a form, a header, JSON or a connection string."""
    quoted = _QUOTED.replace("LEAST", f"{{{least}}}" if least > 1 else "")
    value = bare.replace("LEAST", f"{{{least - 1},}}")
    return re.compile(rf"(?:{names}){after}(?:{quoted}|{_GIVEN}{value})", re.IGNORECASE)


def _token(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.ASCII)


_SEEN_AFTER = r"""["'\\]{0,4}\s{0,4}(?:=|:|%)"""
# The beginning of a name: in a nested address, the escape of `?`, `&` or `#` may stand before it.
_FREE = r"(?:(?<![a-z0-9_$.-])|(?<=%3F)|(?<=%26)|(?<=%23)|(?<=%253F)|(?<=%2526)|(?<=%2523))"
_PASSWORDS = rf"password|passwd|passphrase|passcode|(?:(?<=_)|{_FREE})(?:pwd|pass)"
_SECRETS = (
    r"(?:client|app|consumer|shared|webhook|signing)[_-]?secret|secret[_-]?(?:access[_-]?)?key|account[_-]?key"
    r"|shared[_-]?access[_-]?key|private[_-]?key(?:[_-]?id)?|api[_-]?key|subscription[_-]?key|hapikey|appsecret_proof"
    rf"|{_FREE}secret"
)
_TOKENS = (
    r"(?:access|refresh|id|auth|oauth|session|security|bearer|api|private|personal|exchange|input|csrf|xsrf|bot|device"
    r"|user|app|client|delegation|reset)[_-]?token|auth[_-]?key|client_assertion|code_verifier|device_code"
    r"|oauth_(?:verifier|signature)|samlresponse"
)
_PLAIN_TOKENS = rf"{_FREE}(?:token|auth|assertion|ticket|jwt)"
_SIGNATURES = rf"(?:(?<=-)|{_FREE})(?:sig|signature|hmac)"
_SESSIONS = (
    r"(?:session|sess)[_-]?(?:id|key)|phpsessid|aspsessionid[a-z]{0,8}|connect\.sid"
    rf"|{_FREE}(?:sid|session|sess)"
)
_CODES = rf"{_FREE}code"

# In this order: what has a name or a frame of its own before the bare tokens, which may stand inside it.
SHAPES = (
    Shape(
        "private key",
        "PRIVATE KEY",
        re.compile(
            r"(?P<secret>-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[^-]|-(?!----END ))*+(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?)"
        ),
        f"{_RFC}7468",
        _anything,
    ),
    Shape(
        "authorization header with parameters",
        "authorization",
        re.compile(
            r"""authorization["'\\]{0,4}\s{0,4}[:=]\s{0,4}["'\\]{0,4}(?:digest|oauth|hawk|signature|aws4-hmac-sha256)"""
            rf"\s{{1,4}}{_GIVEN}(?P<secret>[^\r\n]+)",
            re.IGNORECASE,
        ),
        f"{_RFC}9110#section-11.6.2",
        _holds_a_cookie,
    ),
    Shape(
        "authorization header",
        "authorization",
        re.compile(
            r"""authorization["'\\]{0,4}\s{0,4}(?:[:=]|%3A)\s{0,4}["'\\]{0,4}(?:[a-z][a-z0-9-]{0,20}(?:\s|%20){1,4})?"""
            rf"""{_GIVEN}(?P<secret>[^\s"'\\,;&\[]{{4,}})""",
            re.IGNORECASE,
        ),
        f"{_RFC}9110#section-11.6.2",
        _is_no_word,
    ),
    Shape(
        "bearer token",
        "bearer",
        _token(r"(?<![a-z])bearer(?:\s|%20|\+){1,4}(?P<secret>[\w.~+/=-]{12,})"),
        f"{_RFC}6750#section-2.1",
        _looks_random,
    ),
    Shape(
        "cookies",
        "cookie",
        re.compile(
            rf"""cookie2?["'\\]{{0,4}}\s{{0,4}}:\s{{0,4}}["'\\]{{0,4}}{_GIVEN}(?P<secret>[^\r\n"'\\]+)""",
            re.IGNORECASE,
        ),
        f"{_RFC}6265#section-4.2",
        _holds_a_cookie,
    ),
    Shape(
        "password in an address",
        r"://[^\s/?#:]*:[^\s/?#@]*@",
        re.compile(r"""://[^\s/?#:"'<>]*+:(?P<secret>[^\s/?#"<>]+)@"""),
        f"{_RFC}3986#section-3.2.1",
        _anything,
    ),
    Shape(
        "password",
        f"(?:passw|passphrase|passcode|pwd|pass){_SEEN_AFTER}|passwor?d",
        _parameter(_PASSWORDS, 1, after=_AFTER_NAME_SURELY, bare=_BARE_PASSWORD),
        f"{_RFC}6749#section-4.3.2",
        _is_password,
    ),
    Shape(
        "password in a text",
        "passw",
        _parameter(r"password|passwd", 6, bare=_BARE_PASSWORD),
        f"{_RFC}6749#section-4.3.2",
        _is_no_word,
    ),
    Shape("client secret or key", "secret|key", _parameter(_SECRETS, 6), f"{_RFC}6749#section-2.3.1", _is_no_word),
    Shape(
        "token in a parameter",
        "token|assertion|auth[_-]?key|code_verifier|device_code|oauth_|samlresponse",
        _parameter(_TOKENS, 6),
        f"{_RFC}6749#section-1.4",
        _is_no_word,
    ),
    Shape(
        "token in a parameter of a common name",
        f"(?:token|auth|assertion|ticket|jwt){_SEEN_AFTER}",
        _parameter(_PLAIN_TOKENS, 12, after=_AFTER_NAME_SURELY),
        f"{_RFC}6750#section-2.3",
        _looks_random,
    ),
    Shape(
        "signature of an address",
        f"(?:sig|signature|hmac){_SEEN_AFTER}",
        _parameter(_SIGNATURES, 16, after=_AFTER_NAME_SURELY),
        "https://learn.microsoft.com/en-us/rest/api/storageservices/create-service-sas",
        _looks_random,
    ),
    Shape(
        "session id",
        f"(?:sess|session|[_-]id|sessid|sessionid|sessionkey|sid|key|aspsessionid[a-z]*){_SEEN_AFTER}",
        _parameter(_SESSIONS, 10, after=_AFTER_NAME_SURELY),
        "https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html",
        _is_session,
    ),
    Shape(
        "authorization code",
        f"code{_SEEN_AFTER}",
        _parameter(_CODES, 10, after=_AFTER_NAME_SURELY),
        f"{_RFC}6749#section-4.1.2",
        _has_digit_and_letter,
    ),
    Shape(
        "signed token",
        r"eyJ[\w-]{6}",
        _token(r"(?<![a-z0-9])(?P<secret>eyJ[\w-]{6,}+(?:\.eyJ[\w-]{6,}+(?:\.[\w-]*+)?|(?:\.[\w-]*+){4}))"),
        f"{_RFC}7519#section-3",
        _anything,
    ),
    Shape(
        "AWS access key",
        "(?:akia|asia|abia|acca)[a-z0-9]{16}",
        _token(r"(?<![a-z0-9])(?P<secret>(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16})(?![a-z0-9])"),
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
        _is_access_key,
    ),
    Shape(
        "GitHub token",
        "gh[pousr]_[a-z0-9]{20}|github_pat_",
        _token(r"(?<![a-z0-9])(?P<secret>gh[pousr]_[a-z0-9]{20,}|github_pat_[a-z0-9_]{20,})"),
        f"{_GITHUB}#githubs-token-formats",
        _anything,
    ),
    Shape(
        "GitLab token",
        "gl(?:pat|dt|rt|ptt|soat|cbt|ft|agent|imt|oas)-",
        _token(r"(?<![a-z0-9])(?P<secret>gl(?:pat|dt|rt|ptt|soat|cbt|ft|agent|imt|oas)-[\w-]{20,})"),
        "https://docs.gitlab.com/security/tokens/",
        _looks_random,
    ),
    Shape(
        "Slack token",
        r"xox[a-z][.-]|xapp-|hooks\.slack\.com",
        _token(
            r"(?<![a-z0-9])(?P<secret>xox[a-z](?:\.xox[a-z])?-[a-z0-9-]{15,}|xapp-\d-[a-z0-9-]{15,}"
            r"|(?<=hooks\.slack\.com/services/)T[a-z0-9]+/B[a-z0-9]+/[a-z0-9]+)"
        ),
        "https://api.slack.com/concepts/token-types",
        _anything,
    ),
    Shape(
        "Google key or token",
        r"aiza|ya29\.|1//0|GOCSPX-|4/0A",
        _token(
            r"(?<![a-z0-9_-])(?P<secret>AIza[\w-]{35}|ya29\.[\w.-]{20,}|GOCSPX-[\w-]{20,}|(?<!/)(?:1//0|4/0A)[\w-]{25,})"
        ),
        "https://cloud.google.com/docs/authentication/token-types",
        _looks_random,
    ),
    Shape(
        "Facebook token",
        r"eaa[a-z0-9]{40}|ig[aq][a-z0-9_-]{40}|[0-9]{13}\|",
        _token(r"(?<![\w+=-])(?P<secret>EAA[a-z0-9]{40,}|IG(?:AA|QV|QW)[\w-]{40,}|\d{13,17}\|[\w-]{27})(?![\w+-])"),
        "https://developers.facebook.com/docs/facebook-login/guides/access-tokens",
        _is_no_digest,
    ),
    Shape(
        "Stripe key",
        "[sr]k_(?:live|test)_|whsec_",
        _token(r"(?<![a-z0-9])(?P<secret>[sr]k_(?:live|test)_[a-z0-9]{16,}|whsec_[\w+/=]{16,})"),
        "https://docs.stripe.com/keys",
        _anything,
    ),
    Shape(
        "Azure client secret",
        "[0-9]q~",
        _token(r"(?<![\w~.-])(?P<secret>[\w~.-]{3}\dQ~[\w~.-]{31,34})(?![\w~-])"),
        "https://learn.microsoft.com/en-us/purview/sit-defn-client-secret-api-key",
        _anything,
    ),
    Shape(
        "Salesforce session",
        "00d[a-z0-9]{12,15}!",
        _token(r"(?<![a-z0-9])(?P<secret>00D[a-z0-9]{12,15}![\w.]{20,})"),
        "https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_oauth_and_connected_apps.htm",
        _anything,
    ),
    Shape(
        "token of another service",
        r"sk-|hf_|npm_|pypi-ag|sg\.|shp(?:at|ca|pa|ss)_|dapi|do[opr]_v1_|hvs\.|atatt3|:aa",
        _token(
            r"(?<![\w-])(?P<secret>sk-(?:proj|ant|svcacct|or)-[\w-]{20,}|sk-[a-z0-9]{32,}|hf_[a-z0-9]{30,}"
            r"|npm_[a-z0-9]{36}|pypi-Ag[\w-]{40,}|SG\.[\w-]{22}\.[\w-]{43}|shp(?:at|ca|pa|ss)_[a-f0-9]{32}"
            r"|dapi[a-f0-9]{32}|do[opr]_v1_[a-f0-9]{64}|hvs\.[\w-]{20,}|ATATT3[\w=-]{50,}|\d{8,10}:AA[\w-]{33})"
        ),
        _SCANNING,
        _anything,
    ),
)
