"""Takes a picture of every page of the demo, wide and at 320 pixels, into ``build/screens``.

Run by ``make screens``. Somebody has to look at them.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.places import FAULTS, PAGES, known_places
from tests.support.browser import NARROW, WIDE, Watched, chromium, profile, server_certificate
from tests.support.demo import running_demo

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "screens"


def main() -> int:
    """Start the demo, and photograph it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as place,
        running_demo(Path(place) / "demo") as demo,
        sync_playwright() as playwright,
        chromium(playwright, server_certificate(demo)) as browser,
    ):
        known = known_places(demo)
        for size in (WIDE, NARROW):
            for name, place_of in {**PAGES, **FAULTS}.items():
                with profile(browser, viewport=size) as own:
                    watched = Watched(own.new_page(), demo.document["base_url"])
                    picture = FOLDER / f"{name.replace(', ', '-')}-{size['width']}.png"
                    place_of.open(watched, known).screenshot(path=picture, full_page=True)
                    sys.stdout.write(f"{picture.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
