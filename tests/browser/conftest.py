"""The demo, once, and a real browser over it."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Playwright, sync_playwright

from gateway.database import open_engine
from gateway.tasks.model import TaskKind
from gateway.tasks.repository import raise_task
from tests.support.browser import CHROMIUM, Watched, chromium
from tests.support.demo import Demo, running_demo

Opened = Callable[..., Watched]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A running demo in which something waits for everybody."""
    if CHROMIUM is None:
        message = "Chromium is missing, so no page was looked at; on Debian: apt install chromium"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with running_demo(tmp_path_factory.mktemp("demo") / "demo") as running:
        engine = open_engine(running.document["database_url"])
        with engine.begin() as connection:
            now = connection.exec_driver_sql("SELECT now()").scalar_one()
            for kind in TaskKind:
                raise_task(connection, kind=kind, due=now, about="camhs", facts={"count": 7})
        engine.dispose()
        yield running


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture
def opened(demo: Demo, playwright: Playwright, tmp_path: Path) -> Iterator[Opened]:
    """Opens a page in a browser of its own; at the end no page may have done what it must not."""
    pages: list[Watched] = []
    with ExitStack() as stack:

        def open_page(**options: Any) -> Watched:
            profile = tmp_path / f"profile-{len(pages)}"
            browser: AbstractContextManager[Any] = chromium(playwright, demo, profile, **options)
            page = stack.enter_context(browser).new_page()
            pages.append(Watched(page, demo.document["base_url"]))
            return pages[-1]

        yield open_page
        assert [] == [fault for page in pages for fault in page.faults]
