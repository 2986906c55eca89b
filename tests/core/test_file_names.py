"""Hostile names stay inside of the folder they are written to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentlab.core.file_names import LONGEST, file_name

HOSTILE = [
    "../../escaped/a",
    "/etc/passwd",
    "..",
    ".",
    "",
    ".hidden",
    "a\0b",
    "C:\\temp\\a",
    "~root",
    "a" * 5000,
    "<script>",
    "=HYPERLINK(1)",
    "beta=4",
    "wide (512)",
    "50%",
    "Genauigkeit für α",
    "\u202egnp.exe",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_stays_in_its_folder(name, tmp_path):
    path = tmp_path / f"{file_name(name)}.csv"
    assert path.resolve().parent == tmp_path.resolve()
    path.write_text("x")
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@given(st.lists(st.text(), max_size=30))
def test_names_are_safe_and_apart(names):
    taken: list[str] = []
    for name in names:
        taken.append(file_name(name, taken))
    assert len({name.casefold() for name in taken}) == len(names)
    for name in taken:
        assert 1 <= len(name) <= LONGEST
        assert name.isascii()
        assert name[0] not in ".-"
        assert "/" not in name


def test_plain_names_are_kept():
    assert file_name("training.learning_rate") == "training.learning_rate"
    assert file_name("Loss", taken=["loss"]) == "Loss-2"
