"""Reading pickles that hold plain numpy arrays, without running them.

A pickle is a program for a small machine, which may name any function of any module and call it.
Nothing here runs it: the instructions are looked at one by one, those that lists, dictionaries,
strings, numbers and arrays need are understood, and every other one is refused. Names stay words,
no function of the file is called, and an array is made of its bytes by its type, shape and order,
once the type is known to be one of plain numbers.
"""

from __future__ import annotations

import math
import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.core.errors import UserError

MOST_STEPS = 1_000_000
"""Instructions of a file; an official batch of CIFAR-10 has about 50,000."""

LONGEST_WORD = 80
"""Characters of what a file says that a message repeats."""
MOST_AXES = 8

_REBUILD, _ARRAY, _TYPE = "_reconstruct", "numpy.ndarray", "numpy.dtype"
ADMITTED = {
    "numpy.core.multiarray _reconstruct": _REBUILD,
    "numpy._core.multiarray _reconstruct": _REBUILD,
    "numpy ndarray": _ARRAY,
    "numpy dtype": _TYPE,
}
"""The names a pickle may use, and what they stand for."""

_NUMBERS = re.compile("b1|[iu][1248]|f[248]")
"""Types of plain numbers. Whatever holds objects, text or fields is none of them."""

_LITERALS = {
    *("BININT", "BININT1", "BININT2", "LONG1", "INT", "BINFLOAT"),
    *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "SHORT_BINUNICODE", "BINUNICODE", "UNICODE"),
}
"""Instructions whose argument is the value."""
_KEYS = (str, bytes, int)
"""Types of keys: to hash a tuple that is nested deep enough ends the process."""


def read_array_pickle(content: bytes, path: Path, remedy: str) -> object:
    """Read a pickle of arrays, lists, dictionaries, strings and numbers.

    Args:
        content: the whole file. Strings that Python 2 wrote come back as bytes.
        path: named in errors.
        remedy: what to do about a file that is refused or damaged.

    Returns:
        What it holds; arrays are read-only views of `content`'s bytes.

    Raises:
        UserError: no whole pickle, or one that asks for anything else, such as a function or an
            array of objects.
    """
    machine = _Machine()
    try:
        for steps, (instruction, argument, _) in enumerate(pickletools.genops(content)):
            if steps >= MOST_STEPS:
                raise _Refused(f"more than {MOST_STEPS} steps")
            machine.step(instruction.name, argument)
        (found,) = machine.stack
    except _Refused as error:
        raise UserError(
            f"{path} is refused: as a pickle it asks for {error}, which a data file never needs "
            "and which could run code or read foreign memory",
            remedy,
        ) from error
    except Exception as error:
        # Damaged instructions can raise nearly anything, MemoryError included.
        raise UserError(f"{path} is no whole pickle ({type(error).__name__})", remedy) from error
    return found


class _Refused(Exception):
    """The pickle asks for something that no data file needs."""


class _Damaged(Exception):
    """The instructions make no sense."""


@dataclass(frozen=True)
class _Name:
    """What a pickle names: a word, never the thing."""

    word: str


@dataclass
class _Type:
    """A numpy type, as the pickle describes it; the order of its bytes comes later."""

    code: str
    order: str = "|"


@dataclass(eq=False)
class _Unfilled:
    """An array before its content comes, and where it has been remembered until then."""

    places: list[int] = field(default_factory=list)


@dataclass
class _Machine:
    """The pickle's stack, marks and memory."""

    stack: list[Any] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memory: dict[int, Any] = field(default_factory=dict)

    def step(self, name: str, argument: Any) -> None:
        """Understand one instruction, or refuse it."""
        if name in _LITERALS:
            self.stack.append(argument)
        elif name in _VALUES:
            self.stack.append(_VALUES[name](self, argument))
        elif name in _CHANGES:
            _CHANGES[name](self, argument)
        else:
            raise _Refused(f"the instruction {name}")

    def top(self, kind: type) -> Any:
        """The list or dictionary that is added to."""
        if type(self.stack[-1]) is not kind:
            raise _Damaged
        return self.stack[-1]

    def pop(self, count: int) -> list[Any]:
        """The last values, which are above the last mark."""
        if len(self.stack) - (self.marks[-1] if self.marks else 0) < count:
            raise _Damaged
        return self._from(len(self.stack) - count)

    def since_mark(self) -> list[Any]:
        """The values above the last mark, which goes too."""
        return self._from(self.marks.pop())

    def _from(self, start: int) -> list[Any]:
        taken = self.stack[start:]
        del self.stack[start:]
        return taken

    def remember(self, place: int) -> None:
        """Keep the last value for later mention."""
        self.memory[place] = self.stack[-1]
        if isinstance(self.stack[-1], _Unfilled):
            self.stack[-1].places.append(place)

    def build(self, state: Any) -> None:
        """Give an array its content, or a type its order of bytes."""
        target = self.stack[-1]
        if isinstance(target, _Type):
            target.order = _order(state, target)
        elif isinstance(target, _Unfilled):
            array = _array(state)
            self.stack[-1] = array
            for place in target.places:
                if self.memory[place] is target:
                    self.memory[place] = array
        else:
            raise _Refused("setting the attributes of what is no array")


def _named(words: str) -> _Name:
    if words not in ADMITTED:
        raise _Refused(f"'{words.replace(' ', '.')[:LONGEST_WORD]}'")
    return _Name(ADMITTED[words])


def _called(function: Any, arguments: Any) -> _Type | _Unfilled:
    """What the two admitted calls give."""
    if function == _Name(_REBUILD) and arguments[0] == _Name(_ARRAY):
        return _Unfilled()
    if function == _Name(_TYPE):
        code = arguments[0].decode() if isinstance(arguments[0], bytes) else str(arguments[0])
        if not _NUMBERS.fullmatch(code):
            raise _Refused(f"an array of type '{code[:LONGEST_WORD]}'")
        return _Type(code)
    raise _Refused("a call")


def _order(state: Any, described: _Type) -> str:
    """The order of a type's bytes, from (version, order, subtype, names, fields, ...)."""
    order = state[1].decode() if isinstance(state[1], bytes) else state[1]
    if order not in {"<", ">", "|", "="} or any(part is not None for part in state[2:5]):
        raise _Refused(f"an array of type '{described.code}' with parts")
    return str(order)


def _array(state: Any) -> np.ndarray[Any, Any]:
    """The array of (version, shape, type, columns first, bytes)."""
    _, shape, described, columns_first, content = state
    if not isinstance(described, _Type) or not isinstance(content, bytes):
        raise _Refused("an array that is no plain numbers")
    kind = np.dtype(described.order + described.code)
    if len(shape) > MOST_AXES or not all(type(size) is int and size >= 0 for size in shape):
        raise _Damaged
    if math.prod(shape) * kind.itemsize != len(content):
        raise _Damaged
    return np.ndarray(shape, kind, content, order="F" if columns_first else "C")


def _paired(target: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
    """A dictionary with further keys and values, which come by turns."""
    keys = items[::2]
    if len(items) % 2 or any(type(key) not in _KEYS for key in keys):
        raise _Damaged
    target.update(zip(keys, items[1::2], strict=True))
    return target


def _extend(machine: _Machine, items: list[Any]) -> None:
    machine.top(list).extend(items)


def _update(machine: _Machine, items: list[Any]) -> None:
    _paired(machine.top(dict), items)


def _text(argument: str) -> bytes:
    """Text of Python 2, which is bytes."""
    return argument.encode("latin-1")


_VALUES: dict[str, Callable[[_Machine, Any], object]] = {
    "NONE": lambda machine, _: None,
    "NEWTRUE": lambda machine, _: True,
    "NEWFALSE": lambda machine, _: False,
    "EMPTY_LIST": lambda machine, _: [],
    "EMPTY_DICT": lambda machine, _: {},
    "EMPTY_TUPLE": lambda machine, _: (),
    "STRING": lambda machine, text: _text(text),
    "BINSTRING": lambda machine, text: _text(text),
    "SHORT_BINSTRING": lambda machine, text: _text(text),
    "TUPLE1": lambda machine, _: tuple(machine.pop(1)),
    "TUPLE2": lambda machine, _: tuple(machine.pop(2)),
    "TUPLE3": lambda machine, _: tuple(machine.pop(3)),
    "TUPLE": lambda machine, _: tuple(machine.since_mark()),
    "LIST": lambda machine, _: machine.since_mark(),
    "DICT": lambda machine, _: _paired({}, machine.since_mark()),
    "GET": lambda machine, place: machine.memory[place],
    "BINGET": lambda machine, place: machine.memory[place],
    "LONG_BINGET": lambda machine, place: machine.memory[place],
    "GLOBAL": lambda machine, words: _named(words),
    "STACK_GLOBAL": lambda machine, _: _named(" ".join(map(str, machine.pop(2)))),
    "REDUCE": lambda machine, _: _called(*machine.pop(2)),
}
"""Instructions that give a value, from their argument and what lies on the stack."""

_CHANGES: dict[str, Callable[[_Machine, Any], object]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "STOP": lambda machine, _: None,
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "PUT": lambda machine, place: machine.remember(place),
    "BINPUT": lambda machine, place: machine.remember(place),
    "LONG_BINPUT": lambda machine, place: machine.remember(place),
    "MEMOIZE": lambda machine, _: machine.remember(len(machine.memory)),
    "APPEND": lambda machine, _: _extend(machine, machine.pop(1)),
    "APPENDS": lambda machine, _: _extend(machine, machine.since_mark()),
    "SETITEM": lambda machine, _: _update(machine, machine.pop(2)),
    "SETITEMS": lambda machine, _: _update(machine, machine.since_mark()),
    "BUILD": lambda machine, _: machine.build(*machine.pop(1)),
}
"""Instructions that change what is there."""
