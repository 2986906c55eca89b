"""Offline runs of W&B, in files made here by the same rules as its client makes them."""

import json

import pytest

from latentlab.core.errors import UserError
from latentlab.experiment.programs.scores import read_history, read_scores
from latentlab.experiment.programs.wandb_file import read_wandb

BLOCK = 32_768


def number(value):
    """A number of a protocol buffer, in seven bits a byte."""
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def field(place, content):
    return number(place << 3 | 2) + number(len(content)) + content


def items(values):
    """Items of a history or a summary; a name with a point is nested, as new clients have it."""
    found = b""
    for name, value in values.items():
        text = json.dumps(value).encode()
        key = [field(2, part.encode()) for part in name.split(".")] if "." in name else [
            field(1, name.encode())
        ]  # fmt: skip
        found += field(1, b"".join(key) + field(16, text))
    return found


def log(path, records):
    """Write records in pieces, none of which crosses the end of a block."""
    content = bytearray(b":W&B\xe1\xbe\x00")
    for record in records:
        left, first = record, True
        while first or left:
            room = BLOCK - len(content) % BLOCK
            if room < 7:
                content += bytes(room)
                continue
            piece, left = left[: room - 7], left[room - 7 :]
            kind = (1 if not left else 2) if first else (4 if not left else 3)
            content += bytes(4) + len(piece).to_bytes(2, "little") + bytes([kind]) + piece
            first = False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def run(folder, history, summary=None):
    # A number and a double stand before what is read: `Record.num`, and one of another message.
    noise = number(1 << 3) + number(300) + number(9 << 3 | 1) + bytes(8)
    records = [noise + field(2, items(line)) for line in history]
    if summary is not None:
        records.append(field(3, items(summary)))
    path = folder / "wandb" / "offline-run-20260101_000000-abc" / "run-abc.wandb"
    log(path, records)
    return path


def test_summary_and_history(tmp_path):
    lines = [{"val.loss": 2.0, "_step": 0}, {"val.loss": 1.0, "_step": 1, "plot": {"a": [1]}}]
    path = run(tmp_path, lines, {"val.loss": 0.5, "_runtime": 3, "name": "text"})
    assert read_wandb(path) == ({"val.loss": 0.5, "_runtime": 3, "name": "text"}, lines)
    assert read_scores(tmp_path, "wandb")["validation"] == {"val.loss": 0.5}
    assert read_history(tmp_path, "wandb") == {"val.loss": [2.0, 1.0]}


def test_without_a_summary_the_last_values_count(tmp_path):
    path = run(tmp_path, [{"a": 1, "b": 5}, {"a": 2}])
    assert read_wandb(path)[0] == {"a": 2, "b": 5}


@pytest.mark.parametrize("length", [*range(BLOCK - 60, BLOCK - 10), 3 * BLOCK])
def test_records_across_blocks(tmp_path, length):
    lines = [{"text": "x" * length}, {"a": 1}]
    assert read_wandb(run(tmp_path, lines))[1] == lines


def test_one_that_is_being_written_is_read_so_far(tmp_path):
    path = run(tmp_path, [{"a": 1}, {"a": 2}])
    whole = path.read_bytes()
    for cut in range(7, len(whole)):
        path.write_bytes(whole[:cut])
        assert read_wandb(path)[1] in ([], [{"a": 1}])


def test_no_run_and_another_file(tmp_path):
    assert read_history(tmp_path, "wandb") == {}
    with pytest.raises(UserError, match="logged no score in wandb"):
        read_scores(tmp_path, "wandb")
    run(tmp_path, []).write_bytes(b"something else")
    with pytest.raises(UserError, match="cannot be read"):
        read_scores(tmp_path, "wandb")
