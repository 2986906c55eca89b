from __future__ import annotations

import base64
import gzip
import json
import os
import re
import stat
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pandas as pd
import plotly.graph_objects as go
import plotly.io
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from PIL import Image
from plotly.offline import get_plotlyjs

from labs.reporting_study import ARMS, METRICS, make_document, make_scores, make_verdicts
from latentlab.core.errors import UserError
from latentlab.reporting import (
    Document,
    comparison_table,
    rendering,
    study_document,
    verdict_sentence,
    write_document,
)
from latentlab.reporting.markdown import markdown_table

VOID = {"meta", "img", "br", "link", "input", "hr", "wbr"}
HOSTILE = "<script>alert(1)</script>"


class Page(HTMLParser):
    """Reads a page, checks that elements close in order, and keeps what tests ask for."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.json: dict[str, object] = {}
        self._id = ""
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._id = dict(attrs).get("id") or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["script"]:
            self.text.append(data)
        elif self.elements[-1][1].get("type") == "application/json":
            self.json[self._id] = json.loads(data)


@pytest.fixture(scope="module")
def page(report_folder: Path) -> Page:
    return Page(report_folder / "index.html")


def small_report(**changes: object) -> Document:
    """A report without figures: nothing of plotly.js, so it is written in no time."""
    values = {
        "title": "study",
        "question": "Does it help?",
        "verdicts": make_verdicts(),
        "comparison": comparison_table(make_scores(), METRICS, ARMS[0]),
    }
    return study_document(**{**values, **changes})


def test_the_page_names_every_hypothesis_arm_and_metric(page: Page) -> None:
    text = "".join(page.text)
    for name in [*make_verdicts()["hypothesis"], *ARMS, *(m.name for m in METRICS)]:
        assert name in text
    assert "Inconclusive" in text
    assert "unadjusted 90 % interval" in text


def test_sections_stand_in_the_order_of_a_reader(page: Page) -> None:
    ids = [attrs["id"] for tag, attrs in page.elements if tag == "section"]
    order = [
        "verdicts",
        "run",
        "comparison",
        "figures",
        "deviations",
        "metrics",
        "data",
        "reproduce",
    ]
    assert ids == order
    links = [attrs["href"] for tag, attrs in page.elements if tag == "a"]
    assert links[: len(order)] == [f"#{name}" for name in order]


def test_a_claim_has_an_address_and_unfolds_to_how_it_was_decided(page: Page) -> None:
    ids = [attrs["id"] for tag, attrs in page.elements if tag == "tbody" and "id" in attrs]
    assert ids == [f"claim-{name}" for name in make_verdicts()["hypothesis"]]
    text = "".join(page.text)
    for row in make_verdicts().to_dict("records"):
        assert verdict_sentence(row) in text
    # And the paired differences.
    assert sum(tag == "details" for tag, _ in page.elements) == len(ids) + 1


def test_the_page_asks_the_network_for_nothing(page: Page) -> None:
    for _, attrs in page.elements:
        for key in ("src", "href", "data", "poster", "action"):
            value = attrs.get(key) or ""
            assert not value or value.startswith(("#", "data:image/png;base64,"))
    policy = next(attrs["content"] for tag, attrs in page.elements if "http-equiv" in attrs)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy


def test_plotly_is_embedded_once_and_packed(report_folder: Path) -> None:
    text = (report_folder / "index.html").read_text(encoding="utf-8")
    (packed,) = re.findall(r'id="plotlyjs">([^<]+)<', text)
    assert gzip.decompress(base64.b64decode(packed)).decode() == get_plotlyjs()
    assert len(text) < 3_000_000
    for name in ("verdicts-at-a-glance", "latent-marginals"):
        assert (report_folder / "figures" / f"{name}.json").is_file()
    assert len(list((report_folder / "figures").glob("*.json"))) == 7


def test_figures_arrive_whole_and_without_a_template(page: Page) -> None:
    places = [attrs["data-figure"] for _, attrs in page.elements if "data-figure" in attrs]
    assert len(places) == 7
    for place in places:
        figure = page.json[place or ""]
        assert isinstance(figure, dict)
        assert figure["data"]
        assert "template" not in figure["layout"]
    assert set(page.json["figure-templates"]) == {"light", "dark"}


def test_tables_and_figures_can_be_read_back(report_folder: Path) -> None:
    verdicts = pd.read_csv(report_folder / "tables" / "verdicts.csv")
    assert verdicts["verdict"].tolist() == make_verdicts()["verdict"].tolist()
    assert len(pd.read_csv(report_folder / "tables" / "comparison.csv")) == 30
    text = (report_folder / "figures" / "learning-curves.json").read_text(encoding="utf-8")
    assert isinstance(plotly.io.from_json(text), go.Figure)


def test_the_markdown_says_the_same(report_folder: Path) -> None:
    text = (report_folder / "report.md").read_text(encoding="utf-8")
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    assert html.count("<table>") == 3
    for name in make_verdicts()["hypothesis"]:
        assert name in html
    assert 'href="index.html#figure-learning-curves"' in html
    assert "\n\n\n\n" not in text


def test_every_link_of_the_markdown_leads_somewhere(report_folder: Path, page: Page) -> None:
    text = (report_folder / "report.md").read_text(encoding="utf-8")
    ids = {attrs.get("id") for _, attrs in page.elements}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        assert (report_folder / path).is_file()
        assert not anchor or anchor in ids


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), min_size=1, max_size=4))
def test_markdown_tables_keep_their_shape_and_their_text(rows: list[tuple[str, str]]) -> None:
    frame = pd.DataFrame(rows, columns=["a", "b"])
    html = MarkdownIt("commonmark").enable("table").render(markdown_table(frame))
    assert html.count("<tr>") == len(rows) + 1
    assert html.count("<td>") == 2 * len(rows)
    assert set(re.findall(r"<(\w+)", html)) <= {"table", "thead", "tbody", "tr", "th", "td"}


def test_names_cannot_become_code(tmp_path: Path) -> None:
    scores = make_scores().replace({"arm": {"derp_vae_5": HOSTILE}})
    verdicts = make_verdicts().assign(question=HOSTILE, reason=HOSTILE, treatment=HOSTILE)
    figure = go.Figure(go.Scatter(x=[0], y=[0], name="</script>" + HOSTILE))
    metric = METRICS[0]
    report = make_document(
        title=HOSTILE,
        summary=[HOSTILE],
        verdicts=verdicts,
        comparison=comparison_table(scores, [metric], ARMS[0]),
        figures={HOSTILE: (figure, HOSTILE)},
        deviations=[HOSTILE],
        reproduce={HOSTILE: HOSTILE},
        data_card={HOSTILE: HOSTILE},
    )
    index = write_document(tmp_path / "report", report)
    assert HOSTILE not in index.read_text(encoding="utf-8")
    assert HOSTILE not in (index.parent / "report.md").read_text(encoding="utf-8")
    page = Page(index)
    assert sum(tag == "script" for tag, _ in page.elements) == 5
    assert HOSTILE in "".join(page.text)
    assert (index.parent / "figures" / "script-alert-1-script.json").is_file()


def test_pictures_become_png_files_and_titles_cannot_collide(tmp_path: Path) -> None:
    picture = Image.new("RGB", (8, 8), "red")
    figures = {"A B": (picture, "one"), "a-b": (picture, "two"), "°": (picture, "three")}
    index = write_document(tmp_path / "r", small_report(figures=figures))
    assert sorted(path.name for path in (index.parent / "figures").iterdir()) == [
        "a-b-2.png",
        "a-b.png",
        "unnamed.png",
    ]
    assert "![A B](figures/a-b.png)" in (index.parent / "report.md").read_text(encoding="utf-8")
    assert "plotly" not in index.read_text(encoding="utf-8")


def test_a_failure_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = write_document(tmp_path / "r", small_report(title="the first"))
    before = index.read_bytes()

    def broken() -> jinja2.Environment:
        raise RuntimeError("rendering failed")

    with monkeypatch.context() as patch:
        patch.setattr(rendering, "environment", broken)
        with pytest.raises(RuntimeError, match="rendering failed"):
            write_document(tmp_path / "r", small_report(title="the second"))
    assert index.read_bytes() == before
    assert os.listdir(tmp_path) == ["r"]
    write_document(tmp_path / "r", small_report(title="the second"))
    assert "the second" in index.read_text(encoding="utf-8")
    assert os.listdir(tmp_path) == ["r"]


def test_a_failed_swap_puts_the_old_report_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = write_document(tmp_path / "r", small_report(title="the first"))
    replace = os.replace

    def refuse_the_new(source: Path, target: Path) -> None:
        if Path(target) == tmp_path / "r" and not source.name.endswith(".old"):
            raise OSError(28, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse_the_new)
        with pytest.raises(UserError, match="No space left on device"):
            write_document(tmp_path / "r", small_report(title="the second"))
    assert "the first" in index.read_text(encoding="utf-8")
    assert os.listdir(tmp_path) == ["r"]


def test_somebody_elses_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work", encoding="utf-8")
    with pytest.raises(UserError, match=r"holds no 'report.md'"):
        write_document(tmp_path, small_report())
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_report_can_be_read_by_others(tmp_path: Path) -> None:
    folder = write_document(tmp_path / "r", small_report()).parent
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o777 & ~umask


def test_nothing_to_report_is_said() -> None:
    with pytest.raises(UserError, match="nothing to report"):
        small_report(verdicts=pd.DataFrame(), comparison=pd.DataFrame())


@pytest.mark.parametrize("missing", ["verdicts", "comparison"])
def test_a_report_may_lack_one_of_its_tables(tmp_path: Path, missing: str) -> None:
    empty = {
        "verdicts": make_verdicts().head(0),
        "comparison": comparison_table(make_scores(), METRICS, ARMS[0]).head(0),
    }
    index = write_document(tmp_path / "r", small_report(**{missing: empty[missing]}))
    words = {"verdicts": "No hypothesis was declared", "comparison": "no scores to compare"}
    assert words[missing] in "".join(Page(index).text)


def test_commands_inside_of_sentences_are_shown_as_code(tmp_path: Path) -> None:
    command = f"kedro run --params {HOSTILE}"
    verdicts = make_verdicts().assign(command=command)
    document = make_document(verdicts=verdicts)
    path = write_document(tmp_path / "report", document)
    page = path.read_text(encoding="utf-8")
    begin = page.index("What to do next</h")
    part = page[begin : page.index("</section>", begin)] if "</section>" in page else page[begin:]
    assert "<code>kedro run --params &lt;script&gt;alert(1)&lt;/script&gt;</code>" in part
    assert "<code>stopping</code>" in part
    assert "`" not in part.partition("</p>")[0]
    assert HOSTILE not in page
