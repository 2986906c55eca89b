"""Pictures with a CSV file: both kinds of splits, what is counted and what is refused."""

import logging

import numpy as np
import pytest

from labs.image_text_files import picture, rows, write_table
from latentlab.core.errors import UserError
from latentlab.data import prepare
from latentlab.data.card import data_card
from latentlab.data.copies import across, contents, within
from latentlab.data.image_text_layout import TEXT, VISUAL, group_numbers, pictures, texts

SMALL = {"image_size": 8, "text_length": 24, "workers": 1}


def _read(folder, **config):
    return prepare("image_table", SMALL | config, folder)


def _texts(data, split):
    features = data.splits[split].features
    return texts(features[group_numbers(features) == TEXT], data.schema.parts)


def test_splits_of_the_table(tmp_path):
    write_table(tmp_path, rows())
    data = _read(tmp_path)
    assert data.schema.classes == ("hat", "shoe")
    assert [len(split) for split in data.splits.values()] == [16, 8]
    assert _texts(data, "test") == [f"object {k}, say" for k in range(8, 12)]
    features = data.splits["train"].features
    shown = pictures(features[group_numbers(features) == VISUAL], data.schema.parts)
    np.testing.assert_array_equal(shown[:, 1, 4, 1], 12 * np.arange(8) + 20)
    # The picture and the text of a row follow one another, with the same label.
    assert data.splits["train"].labels.tolist() == [1, 1, 0, 0] * 4
    assert "splits of the table" in data.origin


def test_without_splits_a_part_is_held_out(tmp_path):
    write_table(tmp_path, rows(20, splits=False))
    data = _read(tmp_path, test_fraction=0.3)
    assert [len(split) for split in data.splits.values()] == [28, 12]
    # Both samples of a row are in the same split.
    held = _texts(data, "test")
    assert not set(held) & set(_texts(data, "train"))
    features = data.splits["test"].features
    shown = pictures(features[group_numbers(features) == VISUAL], data.schema.parts)[:, 0, 4, 1]
    assert [f"object {(shade - 20) // 12}, say" for shade in shown.astype(int)] == held
    assert data.fingerprint == _read(tmp_path, test_fraction=0.3).fingerprint
    assert _texts(_read(tmp_path, test_fraction=0.3, split_seed=1), "test") != held


def test_a_validation_split_and_another_place(tmp_path):
    table = rows(12)
    for row in table[:4]:
        row["split"] = "Val"
    write_table(tmp_path / "elsewhere", table)
    data = _read(tmp_path / "raw", table=str(tmp_path / "elsewhere" / "table.csv"))
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 8,
        "test": 8,
        "validation": 8,
    }
    assert (tmp_path / "raw" / ".decoded").is_dir()


def test_rows_without_an_id_are_known_by_their_line(tmp_path):
    table = [{k: v for k, v in row.items() if k != "id"} for row in rows()]
    table[2]["text"] = ""
    write_table(tmp_path, table)
    assert "without a character of the alphabet (first: line 4)" in _read(tmp_path).origin
    write_table(tmp_path, [row | {"id": ""} for row in table])
    assert "without a character of the alphabet (first: line 4)" in _read(tmp_path).origin


def test_what_is_missing_is_counted(tmp_path, caplog):
    table = rows(14)
    table[0]["image"] = ""
    table[1]["text"] = " "
    table[2]["label"] = ""
    table[-1]["label"] = "glove"
    table[-2]["label"] = "scarf"
    write_table(tmp_path, table)
    (tmp_path / "pictures/4.png").write_bytes(b"no picture")
    (tmp_path / "pictures/5.png").unlink()
    with caplog.at_level(logging.WARNING):
        data = _read(tmp_path)
    for note in (
        "1 train objects without a label (first: x2)",
        "2 test objects of a class that train lacks (first: scarf)",
        "1 objects without a picture (first: x0)",
        "2 pictures that cannot be read (first: pictures/4.png: cannot identify",
        "1 texts missing or without a character of the alphabet (first: x1)",
    ):
        assert note in data.origin
        assert f"image_table: {note}" in caplog.text
    card = data_card(data)["splits"]
    assert card["train"]["groups"] == {"visual": 5, "text": 7}
    assert card["test"]["groups"] == {"visual": 3, "text": 3}


def test_accents_marks_and_quoted_commas(tmp_path):
    table = rows()
    table[0]["text"] = 'Café, "9"'
    write_table(tmp_path, table)
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert _texts(_read(tmp_path), "train")[0] == 'caf#, "9"'


def test_rows_that_share_a_picture_or_a_text_are_held_out_together(tmp_path):
    table = rows(19, splits=False)
    for k in (0, 4):
        table[k + 2]["text"] = f"  {table[k]['text'].upper()}"  # the same once it is tidy
    for k in (1, 5):
        table[k + 2]["image"] = table[k]["image"]
    table[13]["text"] = table[11]["text"]
    write_table(tmp_path, table)
    # Another file with the bytes of one whose text is that of another row.
    (tmp_path / table[15]["image"]).write_bytes((tmp_path / table[13]["image"]).read_bytes())
    for seed in range(6):
        data = _read(tmp_path, split_seed=seed)
        found = contents(data.splits)
        assert across(found) == []
        assert len(within(found)) >= 1
        assert "examples repeat others" in data.origin
    # Without copies the split is what it always was.
    write_table(tmp_path, rows(19, splits=False))
    assert _read(tmp_path).fingerprint == _read(tmp_path, repeats="apart").fingerprint


def test_samples_of_a_row_and_rows_of_a_group_belong_together(tmp_path):
    table = rows(20, splits=False)
    for row, group in zip(table, ["a", "b", "c", "d", ""] * 4, strict=True):
        row["group"] = group
    table[4]["text"] = table[9]["text"]
    write_table(tmp_path, table)
    data = _read(tmp_path, test_fraction=0.3)
    found = {name: len(np.unique(split.groups)) for name, split in data.splits.items()}
    # Four groups, two rows of one text, and two rows of neither.
    assert sum(found.values()) == 4 + 1 + 2
    for split in data.splits.values():
        assert split.groups.shape == (len(split),)
        assert np.array_equal(split.groups[::2], split.groups[1::2])
    assert data_card(data)["splits"]["test"]["groups_of_examples"] == found["test"]


def test_copies_that_the_tables_splits_part_are_refused_or_counted(tmp_path):
    table = rows()
    table[10]["text"] = table[1]["text"]
    table[11]["image"] = table[3]["image"]
    write_table(tmp_path, table)
    with pytest.raises(UserError, match=r"table\.csv: 2 of 8 test examples are in train.*apart"):
        _read(tmp_path)
    data = _read(tmp_path, repeats="apart")
    assert data.origin.endswith("; 2 of 8 test examples are in train")
    # The other remedies work when followed.
    write_table(tmp_path, [{k: v for k, v in row.items() if k != "split"} for row in table])
    assert "test examples are in train" not in _read(tmp_path).origin
    write_table(tmp_path, [row for k, row in enumerate(table) if k not in (1, 3)])
    assert "repeat" not in _read(tmp_path).origin


def test_classes_whose_rows_all_hang_together(tmp_path):
    table = [row | {"text": row["label"]} for row in rows(12, splits=False)]
    write_table(tmp_path, table)
    with pytest.raises(UserError, match=r"without a picture or text in common.*repeats: apart"):
        _read(tmp_path)
    assert "of 4 test examples are in train" in _read(tmp_path, repeats="apart").origin


@pytest.mark.parametrize(
    "name",
    [
        "../secret.png",
        "/etc/secret.png",
        "a/../../secret.png",
        "C:\\secret.png",
        "..\\secret.png",
        "\\\\host\\x.png",
        "nul\0.png",
    ],
)
@pytest.mark.parametrize("splits", [True, False])
def test_pictures_lie_under_the_tables_folder(tmp_path, name, splits):
    table = rows(splits=splits)
    table[3]["image"] = table[4]["image"] = name
    write_table(tmp_path / "raw", rows(splits=splits))
    write_table(tmp_path / "raw", table, pictures=False)
    picture(tmp_path, "secret.png", 99)
    with pytest.raises(UserError, match=r"The picture '.*' does not lie under .*/raw"):
        _read(tmp_path / "raw")
    table[4]["image"] = f"../{name}"
    write_table(tmp_path / "raw", table, pictures=False)
    with pytest.raises(UserError, match=r" and 1 more does not lie under"):
        _read(tmp_path / "raw")


def _with(**change):
    def damage(folder, row=3):
        table = rows()
        table[row].update(change)
        write_table(folder, table)

    return damage


def _text(change):
    def damage(folder):
        write_table(folder, rows())
        path = folder / "table.csv"
        path.write_bytes(change(path.read_bytes()))

    return damage


def _all(**change):
    return lambda folder: write_table(folder, [row | change for row in rows()])


def _test_rows(**change):
    def damage(folder):
        write_table(folder, [row | (change if row["split"] == "test" else {}) for row in rows()])

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: None, "table.csv cannot be read: No such file"),
        (_text(lambda s: b""), "has no column image, text, label"),
        (_text(lambda s: s.replace(b"label", b"class", 1)), "has no column label"),
        (_text(lambda s: s.split(b"\r\n")[0]), "has no rows"),
        (_text(lambda s: s.replace(b"object 3", b"obj\xe9ct", 1)), "not UTF-8 at byte 1.., line 5"),
        (_text(lambda s: s.replace(b"x3", b"x3,more")), "line 5: not as many fields as columns"),
        (_text(lambda s: s.replace(b",train,x3", b",train")), "line 5: not as many fields"),
        (_text(lambda s: s.replace(b'"object 3', b'"obj"ect 3')), "line 5: "),
        (_with(id="x1"), "'train': the id x1 is there twice"),
        (lambda folder: _with(id="x1")(folder, 11), "'test': the id x1 is there twice"),
        (_with(split="tests"), "line 5: there is no split 'tests'"),
        (_all(split="tests"), "lines 2, 3, 4, 5, 6 and 7 more: there is no split 'tests'"),
        (_text(lambda s: s.replace(b",train,", b",")), "lines 2, 3, 4, 5, 6 and 3 more: not as"),
        (_text(lambda s: s.replace(b",id", b",label", 1)), "has two columns label"),
        (_all(label="shoe"), "one class only, 'shoe'"),
        (_all(label=""), "no labelled objects .*8 train objects without a label"),
        (_all(image=""), "'train' has no visual sample .*12 objects without a picture"),
        (_test_rows(text=""), "'test' has no text sample .*4 texts missing"),
        (_test_rows(label="glove"), "'test' has no visual sample .*4 test objects of a class"),
        (_all(split="train"), "'test' has no visual sample"),
    ],
)
def test_mistakes_are_one_line(tmp_path, damage, message):
    damage(tmp_path)
    with pytest.raises(UserError, match=message) as caught:
        _read(tmp_path)
    assert "\n" not in str(caught.value)


def test_only_rows_alone_in_their_class(tmp_path):
    table = [row | {"label": row["id"]} for row in rows(6, splits=False)]
    write_table(tmp_path, table)
    with pytest.raises(UserError, match="No class has two objects"):
        _read(tmp_path)
