"""Invented secrets of every shape that is redacted, drawn from a seed, and the texts in which logs carry them."""

import base64
import random
import string
from typing import NamedTuple

ALNUM = string.ascii_letters + string.digits
URL_SAFE = ALNUM + "-_"


class Planted(NamedTuple):
    """A secret within a text.

    Attributes:
        shape: the name of its shape in `store.secret_shapes`.
        text: what the log says, with `{}` where the secret stands.
        secret: what must not be kept.
    """

    shape: str
    text: str
    secret: str

    def written(self, instead: str | None = None) -> str:
        """The text with its secret, or with something else instead."""
        return self.text.replace("{}", self.secret if instead is None else instead)


class Forger:
    """Draws secrets."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def some(self, alphabet: str, length: int) -> str:
        """So many characters, a digit among them."""
        drawn = [self.random.choice(alphabet) for _ in range(length)]
        drawn[self.random.randrange(1, length)] = self.random.choice("23456789")
        return "".join(drawn)

    def signed_token(self) -> str:
        parts = (b'{"alg":"HS256"}', b'{"sub":"' + self.some(ALNUM, 8).encode() + b'"}')
        encoded = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts]
        return ".".join([*encoded, self.some(URL_SAFE, 43)])

    def all(self) -> list[Planted]:
        """One of each kind."""
        random_text = self.some(ALNUM, 24)
        key = "\n".join(self.some(ALNUM + "+/", 64) for _ in range(3))
        basic = base64.b64encode(f"svc:{self.some(ALNUM, 12)}".encode()).decode()
        bare = [
            ("signed token", self.signed_token()),
            ("AWS access key", "AKIA" + self.some(string.ascii_uppercase + string.digits, 16)),
            ("AWS access key", "ASIA" + self.some(string.ascii_uppercase + string.digits, 16)),
            ("GitHub token", "ghp_" + self.some(ALNUM, 36)),
            ("GitHub token", "github_pat_" + self.some(ALNUM + "_", 60)),
            ("GitLab token", "glpat-" + self.some(URL_SAFE, 20)),
            ("Slack token", f"xoxb-{self.some(string.digits, 12)}-{self.some(ALNUM, 24)}"),
            ("Google key or token", "AIza" + self.some(URL_SAFE, 35)),
            ("Google key or token", "ya29." + self.some(URL_SAFE, 60)),
            ("Facebook token", "EAAB" + self.some(ALNUM, 120)),
            ("Stripe key", "sk_live_" + self.some(ALNUM, 24)),
            ("Azure client secret", f"{self.some(ALNUM, 3)}8Q~{self.some(ALNUM, 34)}"),
            ("Salesforce session", f"00D{self.some(ALNUM, 12)}!{self.some(ALNUM + '._', 80)}"),
            ("token of another service", "sk-proj-" + self.some(URL_SAFE, 40)),
            ("token of another service", "hvs." + self.some(URL_SAFE, 40)),
        ]
        named = [
            ("private key", "{}", f"-----BEGIN RSA PRIVATE KEY-----\n{key}\n-----END RSA PRIVATE KEY-----"),
            (
                "authorization header with parameters",
                "Authorization: Digest {}",
                f'username="a", response="{random_text}"',
            ),
            ("authorization header", "authorization: Basic {}", basic),
            ("authorization header", '"Authorization":"Bearer {}"', self.some(URL_SAFE, 30)),
            ("bearer token", "sent Bearer {} to", self.some(URL_SAFE, 30)),
            ("cookies", "Cookie: {}", f"sid={self.some(ALNUM, 20)}; theme=dark"),
            ("password in an address", "https://svc:{}@api.example/v1", self.some(ALNUM, 10)),
            ("password", "/login?user=x&password={}&next=/", self.some(ALNUM + "!*", 9)),
            ("password", '{"password": "{}"}', "Correct horse " + self.some(ALNUM, 6)),
            ("password in a text", "password: {}", self.some(ALNUM, 10)),
            ("client secret or key", "client_secret={}&grant_type=x", self.some(URL_SAFE, 30)),
            ("client secret or key", "X-Api-Key: {}", self.some(ALNUM, 32)),
            ("token in a parameter", "/v1/me?access_token={}&fields=id", self.some(URL_SAFE, 40)),
            ("token in a parameter", "grant_type=refresh_token&refresh_token={}", self.some(URL_SAFE, 40)),
            ("token in a parameter", "next=https%3A%2F%2Fx%2F%3Faccess_token%3D{}%26y", self.some(ALNUM, 40)),
            ("token in a parameter of a common name", "/hook?token={}", self.some(ALNUM, 24)),
            ("signature of an address", "/b/file?sv=2020-08-04&sig={}&se=x", self.some(ALNUM, 42) + "%3D"),
            ("session id", "/app;jsessionid={}?x=1", self.some("0123456789ABCDEF", 32)),
            ("authorization code", "/cb?code={}&state=x", self.some(URL_SAFE, 22)),
        ]
        return [Planted(*each) for each in named] + [Planted(name, "GET /v1/{}/x", secret) for name, secret in bare]


def planted(count: int, seed: int = 0) -> list[Planted]:
    """So many secrets, every shape in turn."""
    found: list[Planted] = []
    while len(found) < count:
        found += Forger(seed + len(found)).all()
    return found[:count]
