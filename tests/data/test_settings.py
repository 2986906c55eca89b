"""Every setting of every source, given what it is not: one line that names it, or data."""

import math

import pytest

from labs.image_text_files import rows, write_table
from labs.source_files import cifar_arrays, idx_arrays, write_celeba, write_cifar_bin, write_idx
from latentlab.core.errors import UserError
from latentlab.data import SOURCES, prepare

ODD = [5, -1, 0, 10**12, 0.5, math.nan, math.inf, "x", "", "a\0b", "../..", "/", "[", [], {}, True]
WRITTEN = {
    "mnist": lambda raw: write_idx(raw, idx_arrays(30, 20)),
    "fashion_mnist": lambda raw: write_idx(raw, idx_arrays(30, 20)),
    "cifar10": lambda raw: write_cifar_bin(raw, cifar_arrays(10)),
    "celeba": write_celeba,
    "image_table": lambda raw: write_table(raw, rows(12)),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Files of those sources that have some."""
    root = tmp_path_factory.mktemp("raw")
    for name, write in WRITTEN.items():
        write(root / name)
    return root


@pytest.mark.parametrize("name", SOURCES)
def test_a_setting_of_another_kind_is_one_line_or_data(folders, name):
    fields = SOURCES[name].config.model_fields
    offline = {"download": False} if "download" in fields else {}
    said = {}
    for field in fields:
        for value in ODD:
            try:
                prepare(name, offline | {field: value}, folders / name)
            except UserError as error:
                said[field, str(value)] = str(error)
    assert not [line for line in said.values() if "\n" in line]
    for field in fields:
        assert f"{field}: " in said[field, "{}"]


@pytest.mark.parametrize("settings", [5, "subset", [1], None])
def test_settings_that_are_none(folders, settings):
    if settings is None:
        assert prepare("digits", settings, folders).splits
        return
    with pytest.raises(UserError, match=r"Source 'digits': .* holds no keys"):
        prepare("digits", settings, folders)
