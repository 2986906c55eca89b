"""Makes links that hold in the repository hold on the site, as a hook that `mkdocs.yml` names.

The README is the site's first page. A file outside `docs/` that a page links to is copied to
`repository/` on the site, a Markdown file as a page; of a link to a folder only its words remain.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
LINK = re.compile(r"\[(?P<words>[^][]*)\]\((?P<path>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what lies outside `docs/` and is linked to, page by page."""
    waiting = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    seen = set(waiting)
    while waiting:
        source = waiting.pop()
        if not source.is_relative_to(DOCS):
            files.append(File.generated(config, _place(source), abs_src_path=str(source)))
        if source.suffix == ".md":
            targets = {_target(source, link) for link in LINK.finditer(source.read_text("utf-8"))}
            found = {target for target in targets if target.is_file()} - seen
            waiting += sorted(target for target in found if not target.is_relative_to(DOCS))
            seen |= found
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the page with its links as they are on the site."""
    path = page.file.abs_src_path
    return markdown if path is None else _relinked(markdown, Path(path))


def _relinked(markdown: str, source: Path) -> str:
    def linked(link: re.Match[str]) -> str:
        target = _target(source, link)
        if target.is_dir():
            return link["words"]
        if not target.is_file():
            return link[0]
        path = os.path.relpath(_place(target), Path(_place(source)).parent)
        return f"[{link['words']}]({path}{link['anchor'] or ''})"

    return LINK.sub(linked, markdown)


def _target(source: Path, link: re.Match[str]) -> Path:
    return (source.parent / link["path"]).resolve()


def _place(source: Path) -> str:
    """Return where a file of the repository lies on the site."""
    if source == ROOT / "README.md":
        return "index.md"
    if source.is_relative_to(DOCS):
        return source.relative_to(DOCS).as_posix()
    return f"repository/{source.relative_to(ROOT).as_posix()}"
