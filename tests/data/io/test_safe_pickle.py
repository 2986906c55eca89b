"""The reader of pickles: what it reads, and that it runs, imports and builds nothing else."""

import contextlib
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.source_files import python2_pickle
from latentlab.core.errors import UserError
from latentlab.data.io import safe_pickle
from latentlab.data.io.safe_pickle import read_array_pickle

FILE = Path("batch")


def read(content):
    return read_array_pickle(content, FILE, "Fetch it.")


def test_the_pickles_are_like_the_official_ones():
    """The fixture's opcodes are Python 2's: no unicode, the old module name, protocol 2."""
    content = python2_pickle({b"data": np.zeros(3, np.uint8)})
    assert content.startswith(b"\x80\x02")
    assert b"cnumpy.core.multiarray\n_reconstruct" in content
    assert b"_codecs" not in content
    assert pickle.BINUNICODE + b"\x02\x00\x00\x00u1" not in content


def test_text_of_python_2_is_bytes():
    found = read(python2_pickle({b"data": np.arange(6, dtype=np.uint8), b"names": [b"a", b"b"]}))
    assert found[b"names"] == [b"a", b"b"]
    assert found[b"data"].tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("protocol", [3, 4])
def test_what_it_reads(protocol):
    shared = np.asfortranarray(np.arange(6.0, dtype=">f4").reshape(2, 3))
    given = {
        "a": [shared, shared, np.zeros((0, 3), bool)],
        "b": (1, -5, 1 << 40, 1.5, None, True, False, "text", b"bytes", (), {}),
        3: {"nested": {"deep": [np.array(7, "<i8")]}},
    }
    found = read(pickle.dumps(given, protocol))
    np.testing.assert_array_equal(found["a"][0], shared)
    assert found["a"][0] is found["a"][1]
    assert found["a"][2].shape == (0, 3)
    assert found["b"] == given["b"]
    assert found[3]["nested"]["deep"][0] == 7


def test_protocol_0_without_arrays():
    assert read(pickle.dumps([1, True, {"a": (2, None)}, []], 0)) == [1, True, {"a": (2, None)}, []]


OBJECTS = [
    np.array([1, None]),
    np.zeros(2, dtype=[("a", "u1"), ("b", "O")]),
    np.zeros(2, dtype=[("a", "u1")]),
    np.array(["text"]),
    np.array(["2020-01-01"], dtype="datetime64[D]"),
]


@pytest.mark.parametrize("array", OBJECTS, ids=lambda array: str(array.dtype))
@pytest.mark.parametrize("nest", [lambda a: a, lambda a: [1, {"x": [a]}], lambda a: ({"x": a},)])
@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_no_array_but_of_plain_numbers(array, nest, protocol):
    with pytest.raises(UserError, match=r"batch is refused.* asks for "):
        read(pickle.dumps(nest(array), protocol))


def _crafted(kind, state):
    """An array of two elements whose bytes are the file's, and a type of the file's making."""
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\n" + kind + b"K\x00K\x01\x87R" + state + b"b"
        b"\x89U\x10" + struct.pack("<2Q", 0xDEAD, 0xBEEF) + b"tb."
    )


PLAIN = b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t"


def test_pointers_from_the_file_are_never_followed(monkeypatch):
    """numpy takes the bytes for pointers where the type's own flags say that it holds none."""

    def never(*_, **__):
        raise AssertionError("an array was built")

    assert read(_crafted(b"U\x02u8", PLAIN)).tolist() == [0xDEAD, 0xBEEF]
    monkeypatch.setattr(safe_pickle.np, "ndarray", never)
    monkeypatch.setattr(safe_pickle.np, "dtype", never)
    fields = (
        b"(K\x03U\x01|N(U\x01ft}U\x01f(cnumpy\ndtype\nU\x02O8K\x00K\x01\x87RK\x00tsK\x08K\x01K\x00t"
    )
    subtype = b"(K\x03U\x01|(cnumpy\ndtype\nU\x02O8K\x00K\x01\x87RK\x02\x85tNNK\x08K\x01K\x00t"
    for kind, state in (
        (b"U\x02O8", PLAIN),
        (b"U\x02V8", fields),
        (b"U\x02u8", fields),
        (b"U\x02u8", subtype),
    ):
        with pytest.raises(UserError, match=r"batch is refused.*foreign memory"):
            read(_crafted(kind, state))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x02}",
        b"not a pickle",
        pickle.dumps({b"data": np.zeros(9)})[:-20],
        b"\x82\x01.",
        b"1.",
        b"].]",
        b"h\x07.",
        b"]]K\x01s.",
    ],
)
def test_damaged_pickles(content):
    if content == b"].]":
        assert read(content) == []
        return
    with pytest.raises(UserError, match=r"batch is (no whole pickle|refused).*Fetch it\."):
        read(content)


@pytest.mark.parametrize(
    "content",
    [
        # A tuple in a tuple in a tuple as a key: to hash it overflows the stack of the process.
        b"\x80\x02})" + 400_000 * b"\x85" + b"K\x01s.",
        # A place in memory that would take 30 gigabytes.
        b"\x80\x02]r\xff\xff\xff\x7f.",
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b".",
        b"\x80\x04\x96" + struct.pack("<Q", 1 << 40) + b".",
        2_000_000 * b"]" + b".",
        200_000 * b"(" + b".",
        b"cnumpy\ndtype\nU\x02u1\x85}U\x08__call__K\x01sb.",
    ],
    ids=["nested key", "memory", "long bytes", "long array", "steps", "marks", "attributes"],
)
def test_nothing_ends_the_process(content):
    with contextlib.suppress(UserError):
        assert read(content) == []


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_changed_bytes_are_never_another_error(data):
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    waiting = []
    with contextlib.suppress(UserError):
        waiting.append(read(bytes(content)))
    while waiting:
        value = waiting.pop()
        if isinstance(value, np.ndarray):
            assert value.dtype.kind in "biuf"
        elif isinstance(value, dict):
            waiting += value.values()


SEEDS = [
    pickle.dumps({b"data": np.eye(3, dtype=np.uint8), b"labels": [1, 2]}, 4),
    python2_pickle({b"data": np.eye(3, dtype=np.uint8), b"labels": [1, 2], b"names": [b"x"]}),
    pickle.dumps([{"a": np.array([None])}, (1.5, None)], 3),
    _crafted(b"U\x02u8", PLAIN),
]
