"""The browser that the tests of HTML reports share."""

from collections.abc import Iterator

import pytest

from tests.report.browser import NAMES, Browser, installed


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = installed()
    if program is None:
        pytest.skip(
            f"the HTML reports were not opened in a browser: there is no {NAMES[0]} here; .ci/run installs it, or"
            f" `apt-get install {NAMES[0]}`"
        )
    with Browser(program, tmp_path_factory.mktemp("profile")) as found:
        yield found
