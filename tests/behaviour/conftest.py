import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.behaviour.pages import NoBrowserError, PlotsPage, chromium


@contextlib.contextmanager
def skipped_without() -> Iterator[None]:
    """A machine that lacks what it takes skips the test; one that promised to have it, with TEXTLSTM_REQUIRE_BROWSER=1, fails."""
    try:
        yield
    except NoBrowserError as reason:
        if os.environ.get("TEXTLSTM_REQUIRE_BROWSER") == "1":
            pytest.fail(f"TEXTLSTM_REQUIRE_BROWSER=1, but {reason}")
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with contextlib.ExitStack() as stack:
        with skipped_without():
            opened = stack.enter_context(chromium())
        yield opened


@pytest.fixture(scope="session")
def open_plots(browser: Browser) -> Callable[[Path], PlotsPage]:
    def opened(path: Path) -> PlotsPage:
        with skipped_without():
            return PlotsPage(browser, path)

    return opened
