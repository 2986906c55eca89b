"""The generator of ARC-like tasks: its layout, its nuisance, and every one of its rules."""

import itertools
import re

import numpy as np
import pytest

from labs.project_copies import CHECKOUT
from latentlab.core.errors import UserError
from latentlab.data import load_prepared, prepare, save_prepared
from latentlab.data.arc.arc_like import pictures as arc_like_pictures
from latentlab.data.arc.arc_like.pictures import Distraction
from latentlab.data.arc.arc_like.source import CATEGORIES, REPORTED, draw_task
from latentlab.data.preview import draw_preview

PAGE = CHECKOUT / "docs" / "arc_like_tasks.md"
RULES = [(category, rule.name) for category, rules in CATEGORIES.items() for rule in rules]


@pytest.fixture(scope="module")
def default():
    return prepare("arc_like", None, "nowhere")


def test_tasks_never_change(default):
    """Results of different days compare only while the tasks stay."""
    assert default.fingerprint.startswith("ae86c469f6f91c76")
    assert "ynthetic" in default.origin
    assert "not from the ARC corpus" in default.origin


def test_layout(default):
    schema = default.schema
    assert (schema.shape, schema.dtype, schema.scale) == ((8, 10, 10), "uint8", 10.0)
    assert schema.classes == ("S1", "S2", "S3", "C1", "C2", "K1", "L1", "A1", "A2")
    assert {name: len(split) for name, split in default.splits.items()} == {
        "train": 180,
        "test": 270,
    }
    for split in default.splits.values():
        assert len(set(np.bincount(split.labels))) == 1
        for planes in split.features:
            for before, after in planes.reshape(4, 2, 10, 10):
                assert ((before == 10) == (after == 10)).all()
                height, width = (before[:, 0] < 10).sum(), (before[0] < 10).sum()
                assert (before[:height, :width] < 10).all()
                assert (before < 10).sum() == height * width
                assert min(height, width) >= 8


def test_splits_share_no_task_and_hold_none_twice(default):
    tasks = [task.tobytes() for split in default.splits.values() for task in split.features]
    assert len(set(tasks)) == len(tasks) == 450


def test_reported_balance():
    prepared = prepare(
        "arc_like", {"balance": "reported", "training_tasks": 386, "test_tasks": 193}, "nowhere"
    )
    train, test = (np.bincount(prepared.splits[name].labels) for name in ("train", "test"))
    assert train.tolist() == [REPORTED[name] for name in CATEGORIES]
    assert sum(REPORTED.values()) == 386
    np.testing.assert_allclose(test, train / 2, atol=0.51)


def test_a_task_stays_when_the_others_change(default):
    other = prepare(
        "arc_like", {"balance": "reported", "training_tasks": 300, "subset": 290}, "nowhere"
    )
    larger = prepare("arc_like", {"training_tasks": 360}, "nowhere").splits["train"]
    small = default.splits["train"]
    np.testing.assert_array_equal(larger.features[:180], small.features)
    first = [
        next(t for t, k in zip(s.features, s.labels, strict=True) if k == 2)
        for s in (small, prepare("arc_like", {"balance": "reported"}, "x").splits["train"])
    ]
    np.testing.assert_array_equal(*first)
    assert "stratified subset of 290" in other.origin


def test_settings_decide():
    small = {"training_tasks": 18, "test_tasks": 9}
    settings = [{}, {"seed": 1}, {"largest_side": 11}, {"pairs": 3}, {"balance": "reported"}]
    prints = {prepare("arc_like", small | one, "nowhere").fingerprint for one in settings}
    assert len(prints) == len(settings)
    again = prepare("arc_like", small, "elsewhere").fingerprint
    assert again in prints
    largest = prepare("arc_like", small | {"largest_side": 30, "pairs": 1}, "nowhere")
    assert largest.schema.shape == (2, 30, 30)
    assert largest.splits["train"].features[:, :, 23, 23].max() < 10


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"largest_side": 31}, "largest_side.*less than or equal to 30"),
        ({"largest_side": 7}, "largest_side.*greater than or equal to 8"),
        ({"training_tasks": 5}, "training_tasks"),
        ({"balance": "even"}, "balance.*'equal' or 'reported'"),
        ({"sede": 3}, "sede.*Did you mean seed"),
    ],
)
def test_mistakes(config, message):
    with pytest.raises(UserError, match=message):
        prepare("arc_like", config, "nowhere")


def features_of_sizes_and_colours(split, outputs):
    """Sizes and colour counts of every pair, sorted by the input's, matched by colour."""
    rows = []
    for planes in split.features:
        pairs = []
        for before, after in planes.reshape(4, 2, *planes.shape[1:]):
            counts = [np.bincount(grid.ravel(), minlength=11)[:10] for grid in (before, after)]
            order = np.argsort(-counts[0], kind="stable")
            size = [(before[:, 0] < 10).sum(), (before[0] < 10).sum()]
            hints = [counts[1][order], np.sort(counts[1])] if outputs else []
            pairs.append(np.concatenate([size, counts[0][order], *hints]))
        rows.append(np.concatenate([np.mean(pairs, 0), np.std(pairs, 0)]))
    return np.array(rows)


@pytest.mark.parametrize(("outputs", "least", "most"), [(False, 0.05, 0.17), (True, 0.2, 0.5)])
def test_sizes_and_colour_counts_do_not_tell_the_category(default, outputs, least, most):
    """Chance is 1 in 9, with a standard deviation of .02 on 270 tasks."""
    from sklearn.ensemble import RandomForestClassifier

    train, test = default.splits["train"], default.splits["test"]
    forest = RandomForestClassifier(100, random_state=0)
    forest.fit(features_of_sizes_and_colours(train, outputs), train.labels)
    accuracy = forest.score(features_of_sizes_and_colours(test, outputs), test.labels)
    assert least < accuracy < most


# --- Every rule against a second definition, written cell by cell ---------------------------------
# `EXPLANATIONS[category, rule]` lists candidates: whatever the task drew, one of them must give all
# of its outputs. Candidates are written for rows; columns are rows of the transposed grid.


def rows_of(grid):
    return [list(map(int, row)) for row in grid]


def transposed(rows):
    return [list(column) for column in zip(*rows, strict=True)]


def by_rows_or_columns(candidates):
    return [
        *candidates,
        *(lambda rows, one=one: transposed(one(transposed(rows))) for one in candidates),
    ]


def cells(function):
    """A candidate from a function of (rows, y, x)."""
    return lambda rows: [
        [function(rows, y, x) for x in range(len(rows[0]))] for y in range(len(rows))
    ]


def recolourings(rows_in, rows_out):
    mapping = {}
    for row, after in zip(rows_in, rows_out, strict=True):
        for a, b in zip(row, after, strict=True):
            assert mapping.setdefault(a, b) == b
    return mapping


def counts(rows):
    flat = list(itertools.chain(*rows))
    return {colour: flat.count(colour) for colour in dict.fromkeys(flat)}


def ranked(rows, sign):
    found = counts(rows)
    order = sorted(found, key=lambda c: (sign * found[c], list(found).index(c)))
    flat = [colour for colour in order for _ in range(found[colour])]
    return [flat[y * len(rows[0]) : (y + 1) * len(rows[0])] for y in range(len(rows))]


def ranked_halves(rows, sign):
    half = len(rows) // 2
    return ranked(rows[:half], sign) + ranked(rows[half:], sign)


def absorb(rows):
    found = counts(rows)
    mean = sum(found.values()) / len(found)
    top = max(found, key=found.get)
    return [[top if found[c] < mean else c for c in row] for row in rows]


def grow(colour, reach):
    def cell(rows, y, x):
        near = (
            rows[v][u]
            for v in range(max(0, y - 1), min(len(rows), y + 2))
            for u in range(max(0, x - 1), min(len(rows[0]), x + 2))
            if (v - y) ** 2 + (u - x) ** 2 <= reach
        )
        return colour if colour in near else rows[y][x]

    return cells(cell)


def enlarge(down, right):
    def cell(rows, y, x):
        height, width = len(rows), len(rows[0])
        return rows[down * (height // 2) + y // 2][right * (width // 2) + x // 2]

    return cells(cell)


def turn_blocks(clockwise):
    def cell(rows, y, x):
        top, left = y - y % 2, x - x % 2
        if top + 1 >= len(rows) or left + 1 >= len(rows[0]):
            return rows[y][x]
        a, b = y - top, x - left
        return rows[top + 1 - b][left + a] if clockwise else rows[top + b][left + 1 - a]

    return cells(cell)


def streaks(colours, backwards):
    def candidate(rows):
        rows = rows[::-1] if backwards else rows
        out = [list(row) for row in rows]
        for x in range(len(rows[0])):
            going = None
            for y in range(len(rows)):
                going = rows[y][x] if rows[y][x] in colours else going
                out[y][x] = rows[y][x] if going is None else going
        return out[::-1] if backwards else out

    return candidate


def sorted_by(order):
    return lambda rows: [sorted(row, key=order.index) for row in rows]


def fold(from_first):
    def candidate(rows):
        half = len(rows) // 2
        if from_first:
            return rows[: len(rows) - half] + rows[:half][::-1]
        return rows[len(rows) - half :][::-1] + rows[half:]

    return candidate


def swap_neighbours(first):
    def candidate(rows):
        out = list(rows)
        for y in range(first, len(rows) - 1, 2):
            out[y], out[y + 1] = rows[y + 1], rows[y]
        return out

    return candidate


def shift(colour, step):
    def candidate(rows):
        blank = [colour] * len(rows[0])
        return [blank, *rows[:-1]] if step > 0 else [*rows[1:], blank]

    return candidate


ROLLS = by_rows_or_columns(
    [lambda rows, step=step: rows[step:] + rows[:step] for step in (-2, -1, 1, 2)]
)
BORDERS = by_rows_or_columns([lambda rows, k=k: [rows[k]] * len(rows) for k in (0, -1)])
GROWTHS = [grow(colour, reach) for colour in range(10) for reach in (1, 2)]
EXPLANATIONS = {
    ("S1", "mirror"): by_rows_or_columns([lambda rows: rows[::-1]]),
    ("S1", "turn"): [
        lambda rows: [row[::-1] for row in rows[::-1]],
        lambda rows: [row[::-1] for row in transposed(rows)],
        lambda rows: transposed(rows)[::-1],
    ],
    ("S1", "fold"): by_rows_or_columns([fold(True), fold(False)]),
    ("S2", "roll"): ROLLS,
    ("S2", "shift"): by_rows_or_columns([shift(c, step) for c in range(10) for step in (1, -1)]),
    ("S2", "swap_neighbours"): by_rows_or_columns([swap_neighbours(0), swap_neighbours(1)]),
    ("S3", "extend_border"): BORDERS,
    ("S3", "streaks"): by_rows_or_columns(
        [streaks(two, b) for two in itertools.combinations(range(10), 2) for b in (False, True)]
    ),
    ("C2", "rank"): by_rows_or_columns([lambda rows, s=s: ranked(rows, s) for s in (1, -1)]),
    ("C2", "rank_halves"): by_rows_or_columns(
        [lambda rows, s=s: ranked_halves(rows, s) for s in (1, -1)]
    ),
    ("C2", "absorb"): [absorb],
    ("K1", "enlarge"): [enlarge(down, right) for down in (0, 1) for right in (0, 1)],
    ("K1", "grow"): GROWTHS,
    ("K1", "turn_blocks"): [turn_blocks(True), turn_blocks(False)],
    ("A2", "grow_roll"): [lambda rows, a=a, b=b: b(a(rows)) for a in GROWTHS for b in ROLLS],
}


@pytest.fixture(scope="module")
def drawn():
    """Four tasks of every rule without distraction, by (category, rule)."""
    tasks = {key: [] for key in RULES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arc_like_pictures, "DISTRACTED", 0.0)
        for number, category in enumerate(CATEGORIES):
            for i in range(60):
                rule, task = draw_task(category, 4, 10, (9, number, i))
                tasks[category, rule.name].append(
                    [(rows_of(before), rows_of(after)) for before, after in task.pairs]
                )
    assert min(map(len, tasks.values())) >= 4
    return {key: found[:4] for key, found in tasks.items()}


@pytest.mark.parametrize("key", EXPLANATIONS)
def test_one_explanation_fits_all_pairs(drawn, key):
    for pairs in drawn[key]:
        assert any(
            all(candidate(before) == after for before, after in pairs)
            for candidate in EXPLANATIONS[key]
        )


def test_lines_are_sorted_by_one_order_of_colours(drawn):
    for pairs in drawn["S3", "sort_cells"]:
        for turned in (False, True):
            lines = [
                (a, b)
                for before, after in pairs
                for a, b in zip(
                    *(transposed(g) if turned else g for g in (before, after)), strict=True
                )
            ]
            if all(sorted(a) == sorted(b) for a, b in lines):
                break
        else:
            pytest.fail("no lines keep their cells")
        follows = {(x, y) for _, b in lines for x, y in itertools.pairwise(b) if x != y}
        # An order exists if, taking away again and again what follows nothing, none is left.
        colours = {colour for _, b in lines for colour in b}
        while free := {c for c in colours if not any(y == c and x in colours for x, y in follows)}:
            colours -= free
        assert not colours


@pytest.mark.parametrize(("name", "changed"), [("swap", {2}), ("cycle", {4, 7, 8, 9})])
def test_recolourings_are_cycles(drawn, name, changed):
    for pairs in drawn["C1", name]:
        mapping = {}
        for before, after in pairs:
            for old, new in recolourings(before, after).items():
                assert mapping.setdefault(old, new) == new
        moved = {old: new for old, new in mapping.items() if old != new}
        assert len(moved) in changed
        start = at = next(iter(moved))
        steps = 0
        while steps == 0 or at != start:
            at, steps = moved[at], steps + 1
        assert steps == len(moved)


def test_three_colours_merge_into_a_fourth(drawn):
    for pairs in drawn["C1", "merge"]:
        moved = {
            (old, new)
            for before, after in pairs
            for old, new in recolourings(before, after).items()
            if old != new
        }
        assert len(moved) == 3
        assert len({new for _, new in moved}) == 1


@pytest.mark.parametrize("name", ["both", "either", "one_only", "first_only"])
def test_logic_of_halves(drawn, name):
    """Some choice of axis, paint and marked colours gives all outputs: found by elimination."""
    connective = {
        "both": lambda a, b: a and b,
        "either": lambda a, b: a or b,
        "one_only": lambda a, b: a != b,
        "first_only": lambda a, b: a and not b,
    }[name]
    for pairs in drawn["L1", name]:
        colours = sorted({c for before, _ in pairs for row in before for c in row})
        size = len(colours) // 2
        assert any(
            all(
                logic(before, turned, set(marked), paint, connective) == after
                for before, after in pairs
            )
            for turned in (False, True)
            for paint in colours
            for marked in itertools.combinations(colours, size)
        )


def logic(rows, turned, marked, paint, connective):
    if turned:
        return transposed(logic(transposed(rows), False, marked, paint, connective))
    half = len(rows) // 2
    out = rows[: len(rows) - half]
    for first, second in zip(rows[:half], rows[len(rows) - half :], strict=True):
        out.append(
            [
                paint if connective(a in marked, b in marked) else b
                for a, b in zip(first, second, strict=True)
            ]
        )
    return out


@pytest.mark.parametrize("name", ["exchange", "copy", "paint"])
def test_comparison_of_lines(drawn, name):
    for pairs in drawn["A1", name]:
        colours = sorted({c for before, _ in pairs for row in before for c in row})
        assert any(
            all(
                compared(before, turned, set(marked), paint, name) == after
                for before, after in pairs
            )
            for turned in (False, True)
            for paint in (colours if name == "paint" else [0])
            for marked in itertools.combinations(colours, len(colours) // 2)
        )


def compared(rows, turned, marked, paint, name):
    if turned:
        return transposed(compared(transposed(rows), False, marked, paint, name))
    sizes = [sum(c in marked for c in row) for row in rows]
    top, low = sizes.index(max(sizes)), sizes.index(min(sizes))
    out = list(rows)
    if name == "paint":
        out[top] = [paint] * len(rows[0])
    else:
        out[low] = rows[top]
        out[top] = rows[low] if name == "exchange" else rows[top]
    return out


@pytest.mark.parametrize(("name", "firsts"), [("roll_cycle", ROLLS), ("extend_cycle", BORDERS)])
def test_compositions_end_in_one_recolouring(drawn, name, firsts):
    for pairs in drawn["A2", name]:
        fitting = []
        for first in firsts:
            mapping, good = {}, True
            for before, after in pairs:
                for a, b in zip(
                    itertools.chain(*first(before)), itertools.chain(*after), strict=True
                ):
                    good &= mapping.setdefault(a, b) == b
            if good and len(set(mapping.values())) == len(mapping):
                fitting.append(first)
        assert fitting


def test_condition_chooses_between_two_rules(drawn):
    chosen = set()
    for pairs in drawn["A2", "extend_or_roll"]:
        for before, after in pairs:
            extended = any(border(before) == after for border in BORDERS)
            rolled = any(roll(before) == after for roll in ROLLS)
            assert extended != rolled
            chosen.add(extended)
    assert chosen == {False, True}


def test_every_rule_is_checked_here():
    elsewhere = {
        ("S3", "sort_cells"),
        *(("C1", name) for name in ("swap", "cycle", "merge")),
        *(("L1", name) for name in ("both", "either", "one_only", "first_only")),
        *(("A1", name) for name in ("exchange", "copy", "paint")),
        *(("A2", name) for name in ("roll_cycle", "extend_cycle", "extend_or_roll")),
    }
    assert {*EXPLANATIONS, *elsewhere} == set(RULES)


@pytest.mark.parametrize(("part", "painted"), [("border", 12), ("band", 12), ("quarter", 6)])
@pytest.mark.parametrize("turns", range(4))
def test_distractions_paint_one_part(part, painted, turns):
    grid = np.zeros((4, 6) if turns % 2 == 0 else (6, 4), dtype=np.uint8)
    result = Distraction(part, turns, 7).paint(grid)
    assert (result == 7).sum() == painted
    assert not grid.any()


def test_a_quarter_of_the_tasks_is_distracted():
    rng = np.random.default_rng(0)
    settings = [arc_like_pictures.draw_setting(rng, 10) for _ in range(2000)]
    share = np.mean([setting.distraction is not None for setting in settings])
    assert share == pytest.approx(0.25, abs=0.03)


def test_the_page_lists_every_rule():
    text = PAGE.read_text()
    for category, rules in CATEGORIES.items():
        for rule in rules:
            assert f"| {category} | `{rule.name}` | {rule.meaning} |" in text
    assert len(re.findall(r"^\| [A-Z]\d \|", text, re.MULTILINE)) == len(RULES)


def test_preview_shows_pairs_in_their_colours(default, tmp_path):
    save_prepared(default, tmp_path / "tasks")
    loaded = load_prepared(tmp_path / "tasks")
    assert loaded.schema == default.schema
    picture = np.asarray(draw_preview(loaded, columns=2))
    task = default.splits["train"].features[default.splits["train"].labels == 3][0]
    # One task of two pairs a row, cells of five pixels: two grids and their margins are 23 cells
    # high, and the gap below them two pixels.
    top, left = 3 * (5 * 23 + 2), 110
    colours = {0: (0, 0, 0), 1: (0, 116, 217), 3: (46, 204, 64), 10: (255, 255, 255)}
    seen = set()
    for channel, y, x in itertools.product(range(4), range(10), range(10)):
        token = int(task[channel, y, x])
        if token in colours:
            row, column = 11 * (channel % 2) + y, 11 * (channel // 2) + x
            assert tuple(picture[top + 5 * row + 2, left + 5 * column + 2]) == colours[token]
            seen.add(token)
    assert len(seen) >= 3
