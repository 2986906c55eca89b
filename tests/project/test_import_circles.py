"""No two modules need each other, and no two neighbouring packages: the house is read one way.

Imports inside functions and for type checkers count: they too say who knows whom.
"""

from __future__ import annotations

from collections.abc import Iterable

import grimp
import networkx
import pytest

Arrow = tuple[str, str]


@pytest.fixture(scope="module")
def arrows() -> list[Arrow]:
    graph = grimp.build_graph("latentlab", cache_dir=None)
    return [
        (module, used)
        for module in graph.modules
        for used in graph.find_modules_directly_imported_by(module)
    ]


def circles(arrows: Iterable[Arrow]) -> list[list[str]]:
    components = networkx.strongly_connected_components(networkx.DiGraph(arrows))
    return sorted(sorted(component) for component in components if len(component) > 1)


def neighbour_circles(arrows: Iterable[Arrow]) -> list[list[str]]:
    """Circles among the children of each package, whose own modules count as one."""
    between: dict[str, set[Arrow]] = {}
    for source, target in arrows:
        pairs = zip(source.split("."), target.split("."), strict=False)
        shared = next((k for k, (a, b) in enumerate(pairs) if a != b), 0)
        if shared:
            names = [".".join(path.split(".")[: shared + 1]) for path in (source, target)]
            package = ".".join(source.split(".")[:shared])
            between.setdefault(package, set()).add((names[0], names[1]))
    return [circle for pairs in between.values() for circle in circles(pairs)]


def test_modules_do_not_need_each_other(arrows: list[Arrow]) -> None:
    assert len(arrows) > 1000
    assert circles(arrows) == []


def test_neighbouring_packages_do_not_need_each_other(arrows: list[Arrow]) -> None:
    assert neighbour_circles(arrows) == []


@pytest.mark.parametrize(
    ("back", "among"),
    [
        (("latentlab.data.prepared", "latentlab.data.preview"), "latentlab.data.image_text"),
        (("latentlab.experiment.study", "latentlab.experiment.figures"), "latentlab.experiment"),
    ],
)
def test_a_circle_that_comes_back_is_found(arrows: list[Arrow], back: Arrow, among: str) -> None:
    for found in (circles([*arrows, back]), neighbour_circles([*arrows, back])):
        (circle,) = found
        assert set(back) <= set(circle)
        assert any(name.startswith(among) for name in circle)


def test_packages_may_be_a_circle_though_their_modules_are_none() -> None:
    one_way = [("lab.a.x", "lab.b.y"), ("lab.b.z", "lab.a.w")]
    assert circles(one_way) == []
    assert neighbour_circles(one_way) == [["lab.a", "lab.b"]]
