"""Reads what an offline run of W&B has logged: its `.wandb` file, without W&B.

The file has the form of LevelDB's log: after a head of 7 bytes, blocks of 32 KiB with pieces of
records, each `checksum (4 bytes), length (2), type (1), content`. A record is a protocol buffer of
`wandb_internal.proto`, of which four messages are read:

```
Record        {history = 2: HistoryRecord, summary = 3: SummaryRecord}
HistoryRecord {item = 1: Item ..}        SummaryRecord {update = 1: Item ..}
Item          {key = 1, nested_key = 2 .., value_json = 16}
```
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_MAGIC, _HEAD, _BLOCK, _PIECE = b":W&B", 7, 32_768, 7
_FULL, _FIRST, _LAST = 1, 2, 4
_HISTORY, _SUMMARY, _ITEM, _KEY, _NESTED, _VALUE = 2, 3, 1, 1, 2, 16

Logged = dict[str, Any]
"""Values that JSON knows, by name; nested names are joined by points."""


def read_wandb(path: Path) -> tuple[Logged, list[Logged]]:
    """Return summary and history of a run, as far as they are written.

    Args:
        path: the file `run-<id>.wandb`.

    Raises:
        ValueError: it has another form.
    """
    content = path.read_bytes()
    if not content.startswith(_MAGIC):
        raise ValueError("it does not begin as W&B's files do")
    summary: Logged = {}
    history: list[Logged] = []
    for record in _records(content):
        for kind, message in _fields(record):
            if kind == _HISTORY:
                history.append(_items(message))
            elif kind == _SUMMARY:
                summary |= _items(message)
    # A summary that was never written is what was logged last.
    for line in [] if summary else history:
        summary |= line
    return summary, history


def _records(content: bytes) -> Iterator[bytes]:
    """Yield whole records; the last one may be half-written."""
    place, record = _HEAD, b""
    while place + _PIECE <= len(content):
        left = _BLOCK - place % _BLOCK
        if left < _PIECE:
            # Too little for another piece: filled with zeros.
            place += left
            continue
        length = int.from_bytes(content[place + 4 : place + 6], "little")
        kind, begin = content[place + 6], place + _PIECE
        place = begin + length
        if place > len(content):
            return
        piece = content[begin:place]
        record = piece if kind in (_FULL, _FIRST) else record + piece
        if kind in (_FULL, _LAST):
            yield record


def _items(message: bytes) -> Logged:
    found: Logged = {}
    for kind, item in _fields(message):
        if kind != _ITEM:
            continue
        names, value = [], b"null"
        for part, text in _fields(item):
            if part in (_KEY, _NESTED) and text:
                names.append(text.decode())
            elif part == _VALUE:
                value = text
        found[".".join(names)] = json.loads(value)
    return found


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of the fields of a message that have a length."""
    place = 0
    while place < len(message):
        tag, place = _number(message, place)
        match tag & 7:
            case 0:
                _, place = _number(message, place)
            case 1:
                place += 8
            case 2:
                length, place = _number(message, place)
                yield tag >> 3, message[place : place + length]
                place += length
            case 5:
                place += 4
            case other:
                raise ValueError(f"a field of the unknown type {other}")


def _number(message: bytes, place: int) -> tuple[int, int]:
    """Return a number in seven bits a byte, and the place after it."""
    value = shift = 0
    while True:
        if place >= len(message):
            raise ValueError("a message is cut off")
        byte = message[place]
        value |= (byte & 127) << shift
        shift, place = shift + 7, place + 1
        if byte < 128:
            return value, place
