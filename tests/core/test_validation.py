"""What pydantic finds wrong, as one line: every mistake, its key, and what to write instead."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from latentlab.core.errors import UserError
from latentlab.core.validation import validate


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Circle(Strict):
    kind: Literal["circle"]
    radius: float = Field(gt=0)


class Square(Strict):
    kind: Literal["square"]
    side: float
    label: str | int | None = None


class Pen(Strict):
    width: int = 1
    colour: Literal["red", "blue"] = "red"

    @field_validator("width")
    @classmethod
    def _even(cls, width: int) -> int:
        if width % 2 == 0:
            raise ValueError("`width` is even; write an odd one")
        return width


class Picture(Strict):
    shapes: dict[str, Annotated[Circle | Square, Field(discriminator="kind")]] = {}
    pens: list[Pen] = []
    pen: Pen | None = None
    title: str = ""


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ({"titel": "x"}, "f.yml: titel: there is no such key. Did you mean title?"),
        ({"zzz": 1}, "f.yml: zzz: there is no such key. Use one of shapes, pens, pen, title."),
        (
            {"pen": {"widht": 3}},
            "f.yml: pen.widht: there is no such key. Did you mean width?",
        ),
        (
            {"pens": [{}, {"color": "red"}]},
            "f.yml: pens[1].color: there is no such key. Did you mean colour?",
        ),
        (
            {"shapes": {"a": {"kind": "square", "side": 1, "sides": 2}}},
            "f.yml: shapes.a.sides: there is no such key. Did you mean side?",
        ),
        (
            {"shapes": {"a": {"kind": "circle", "side": 1}}},
            "f.yml: shapes.a.radius: is missing. Add it. "
            "Also shapes.a.side: there is no such key (use one of kind, radius).",
        ),
        (
            {"shapes": {"a": {"kind": "line"}}},
            "f.yml: shapes.a.kind: there is no 'line'. Write one of circle, square.",
        ),
        (
            {"shapes": {"a": {}}},
            "f.yml: shapes.a.kind: is missing. Write one of circle, square.",
        ),
        ({"pen": {"width": 2}}, "f.yml: pen.width: `width` is even. Write an odd one."),
        ({"pen": {"width": 1.5}}, "f.yml: pen.width: 1.5 is no whole number."),
        (
            {"pen": {"colour": "green"}},
            "f.yml: pen.colour: there is no 'green'. Write 'red' or 'blue'.",
        ),
        ({"pen": 3}, "f.yml: pen: 3 holds no keys with values."),
        ({"title": 3}, "f.yml: title: 3 is no text. Put it in quotes."),
        (
            {"shapes": {"a": {"kind": "square", "side": 1, "label": [1]}}},
            "f.yml: shapes.a.label: [1] is not a single value.",
        ),
    ],
)
def test_a_mistake_is_one_line(content: dict[str, object], line: str) -> None:
    with pytest.raises(UserError) as caught:
        validate(Picture, content, "f.yml")
    assert str(caught.value).startswith(line)


def test_what_is_right_comes_back() -> None:
    assert validate(Picture, {"pen": {"width": 3}}, "f.yml").pen == Pen(width=3)


def test_all_mistakes_are_told_and_many_are_counted() -> None:
    with pytest.raises(UserError) as caught:
        validate(Picture, {"a1": 0, "a2": 0, "pen": {"width": 0}}, "", "Mend it in the arm.")
    assert str(caught.value) == (
        "pen.width: `width` is even. Write an odd one. Also a1: there is no such key (use one of "
        "shapes, pens, pen, title); a2: there is no such key (use one of shapes, pens, pen, "
        "title). Mend it in the arm."
    )
    with pytest.raises(UserError, match="; and 10 more"):
        validate(Picture, {f"a{k}": 0 for k in range(30)}, "f.yml")


def test_fields_are_spelled_as_in_the_file_and_names_are_not() -> None:
    content = {"shapes": {"side": {"kind": "square", "side": "x"}}, "pen": {"widht": 1}}
    with pytest.raises(UserError) as caught:
        validate(Picture, content, "f", spelled={"side": "edge", "pen": "brush", "width": "thick"})
    line = str(caught.value)
    assert line.startswith("f: shapes.side.edge: 'x' is no number")
    assert "brush.widht: there is no such key (use one of thick, colour)" in line
