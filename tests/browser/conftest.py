"""The demo, once, and a real browser over it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright

from gateway.database import open_engine
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import raise_task
from tests.browser.places import known_places
from tests.support.browser import Watched, chromium, profile, require_chromium, server_certificate
from tests.support.demo import Demo, running_demo

Opened = Callable[..., Watched]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A running demo in which something waits for everybody."""
    require_chromium()
    with running_demo(tmp_path_factory.mktemp("demo") / "demo") as running:
        engine = open_engine(running.document["database_url"])
        with engine.begin() as connection:
            now = connection.exec_driver_sql("SELECT now()").scalar_one()
            for kind in TaskKind:
                raise_task(connection, kind=kind, due=now, about="camhs", facts={"count": 7})
        engine.dispose()
        yield running


@pytest.fixture(scope="session")
def known(demo: Demo) -> dict[str, str]:
    """What addresses of the demo are made of."""
    return known_places(demo)


@pytest.fixture(scope="session")
def browser(demo: Demo, playwright: Playwright) -> Iterator[Browser]:
    with chromium(playwright, server_certificate(demo)) as running:
        yield running


@pytest.fixture
def opened(demo: Demo, browser: Browser) -> Iterator[Opened]:
    """Opens a page in a profile of its own; at the end no page may have done what it must not."""
    pages: list[Watched] = []
    with ExitStack() as stack:

        def open_page(**options: Any) -> Watched:
            page = stack.enter_context(profile(browser, **options)).new_page()
            pages.append(Watched(page, demo.document["base_url"]))
            return pages[-1]

        yield open_page
        assert [] == [fault for page in pages for fault in page.faults]
