"""The shipped scope maps: read like a rulebook's own, and silent about formats that have none."""

from store.patterns import matches
from store.shipped_scopes import shipped_scopes


def test_scopes_that_open_mail_say_so() -> None:
    scopes = shipped_scopes("m365-ual")
    for scope in ("Mail.Read", "Mail.ReadWrite.All", "IMAP.AccessAsUser.All", "full_access_as_app"):
        assert any(matches(pattern, "mail.item") for pattern in scopes[scope]), scope
        assert any(matches(pattern, "mail.attachment") for pattern in scopes[scope]), scope
    assert not any(matches(pattern, "mail.item") for pattern in scopes["Files.Read.All"])


def test_scopes_that_open_nothing_are_known() -> None:
    scopes = shipped_scopes("m365-ual")
    assert scopes["offline_access"] == scopes["Mail.Send"] == ()


def test_every_class_is_one_the_log_platforms_share() -> None:
    shared = {"mail", "file", "calendar", "contact", "directory", "group", "m365"}
    roots = {pattern.split(".")[0] for patterns in shipped_scopes("m365-ual").values() for pattern in patterns}
    assert roots <= shared


def test_other_formats_have_none() -> None:
    assert shipped_scopes("canonical") == {}
