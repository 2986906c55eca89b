"""The site is built whole: links hold, the API is in it, and nothing is loaded from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from labs.project_copies import CHECKOUT

pytest.importorskip("material", reason="the extra latentlab[docs] is not installed")
LOADED = re.compile(r"<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)=\"?(https?://[^\">\s]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = [*site.rglob("*.html")]
    assert len(pages) > 30
    assert {url for page in pages for url in LOADED.findall(page.read_text())} == set()
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", sheet.read_text()), sheet


def test_the_readme_is_the_first_page_and_its_links_hold(site: Path) -> None:
    page = (site / "index.html").read_text()
    for target in ("results/derp_vae.html", "repository/CONTRIBUTING.html"):
        assert f'href="{target}"' in page or f"href={target}" in page
        assert (site / target).is_file()
    assert (site / "repository/conf/base/parameters.yml").is_file()


def test_functions_are_found_by_their_names(site: Path) -> None:
    found = (site / "search/search_index.js").read_text()
    for name in (
        "statistics.power.power",
        "evidence.verdicts",
        "runs.sources",
        "contract.DataSpec",
    ):
        assert name in found
