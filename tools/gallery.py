"""Photographs the first screens of the studies' reports for `docs/gallery.md`.

    kedro run --pipelines all --env smoke
    python tools/gallery.py data/smoke/08_reporting

It needs Chromium and writes `docs/images/gallery/<study>.png`.
"""

from __future__ import annotations

import shutil
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent.parent / "docs" / "images" / "gallery"
COLOURS = 64
"""Of a picture: a report has few, and a page of six pictures should load at once."""


def photograph(reporting: Path, folder: Path) -> list[Path]:
    """Write a picture of each report below a folder of results.

    Args:
        reporting: `08_reporting`, with a folder for each study.
        folder: where the pictures go.

    Returns:
        The pictures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(120_000)
        for report in sorted(reporting.glob("*/report/index.html")):
            page.goto(report.resolve().as_uri(), wait_until="load")
            picture = folder / f"{report.parents[1].name}.png"
            taken = Image.open(BytesIO(page.screenshot())).convert("RGB")
            taken.quantize(COLOURS).save(picture, optimize=True)
            written.append(picture)
        browser.close()
    return written


if __name__ == "__main__":
    photograph(Path(sys.argv[1]), FOLDER)
