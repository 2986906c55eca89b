"""The forms of the grouped product agree in value and gradient, alone and under `vmap`."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import vmap
from torch.nn import functional

from latentlab.studies.mixture_harmonium import grouped_linear as module
from latentlab.studies.mixture_harmonium.grouped_linear import chosen_form, grouped_linear

HAS_KERNEL = hasattr(functional, "grouped_mm")
FORMS = [
    pytest.param("one_hot", torch.float64, id="one_hot-64"),
    pytest.param("segments", torch.float64, id="segments-64"),
    pytest.param("segments", torch.float32, id="segments-32"),
    pytest.param(
        "grouped_mm",
        torch.float32,
        id="grouped_mm-32",
        marks=pytest.mark.skipif(not HAS_KERNEL, reason="this torch has no grouped_mm"),
    ),
    pytest.param("auto", torch.float64, id="auto-64"),
    pytest.param("auto", torch.float32, id="auto-32"),
]
TOLERANCES = {torch.float64: 1e-12, torch.float32: 2e-5}


def problem(kind, dtype, trials=3, rows=40, groups=6, inputs=8, outputs=12):
    """Inputs of several trials, and weights of the result's sum."""
    rng = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=rng, dtype=dtype)

    k = torch.randint(0, groups, (trials, rows), generator=rng)
    if kind == "empty groups":
        k = 2 * (k // 2)
    elif kind == "one group":
        k = torch.full_like(k, 4)
    elif kind == "one row":
        rows, k = 1, k[:, :1]
    elif kind == "sorted":
        k = k.sort(1).values
    y, weight, bias = (
        normal(trials, rows, inputs),
        normal(trials, groups, inputs, outputs),
        normal(trials, groups, outputs),
    )
    cotangent = normal(trials, rows, outputs)
    if kind == "not contiguous":
        y = y.mT.contiguous().mT
        weight = weight.transpose(1, 3).contiguous().transpose(1, 3)
        k = k.T.contiguous().T
        cotangent = cotangent.mT.contiguous().mT
    return y, k, weight, bias, cotangent


def looped(y, k, weight, bias):
    return torch.stack([row @ weight[g] + bias[g] for row, g in zip(y, k.tolist(), strict=True)])


def with_gradients(function, y, k, weight, bias, cotangent):
    leaves = [t.detach().requires_grad_() for t in (y, weight, bias)]
    out = function(leaves[0], k, *leaves[1:])
    return [out.detach(), *torch.autograd.grad((out * cotangent).sum(), leaves)]


KINDS = ["any", "empty groups", "one group", "one row", "sorted", "not contiguous"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("form", "dtype"), FORMS)
def test_every_form_equals_a_loop_over_rows(form, dtype, kind):
    y, k, weight, bias, cotangent = problem(kind, dtype)
    expected = [
        with_gradients(looped, *(t[i].double() if t.is_floating_point() else t[i] for t in inputs))
        for inputs in [(y, k, weight, bias, cotangent)]
        for i in range(len(y))
    ]
    stacked = [torch.stack(parts).to(dtype) for parts in zip(*expected, strict=True)]

    def one(*arguments):
        return grouped_linear(*arguments, form)

    alone = [
        with_gradients(one, *(t[i] for t in (y, k, weight, bias, cotangent))) for i in range(len(y))
    ]
    together = with_gradients(vmap(one), y, k, weight, bias, cotangent)
    tolerance = {"rtol": TOLERANCES[dtype], "atol": TOLERANCES[dtype]}
    for i, want in enumerate(stacked):
        torch.testing.assert_close(torch.stack([a[i] for a in alone]), want, **tolerance)
        torch.testing.assert_close(together[i], want, **tolerance)
        assert together[i].shape == want.shape


@pytest.mark.parametrize("form", ["segments", "one_hot"])
def test_inputs_that_the_trials_share_may_stay_unbatched(form):
    y, k, weight, bias, _ = problem("any", torch.float64)
    out = vmap(lambda *a: grouped_linear(*a, form), in_dims=(0, None, None, 0))(
        y, k[0], weight[0], bias
    )
    for i in range(len(y)):
        torch.testing.assert_close(out[i], looped(y[i], k[0], weight[0], bias[i]))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 30),
    st.integers(1, 7),
    st.integers(1, 5),
    st.integers(1, 5),
)
def test_any_sizes(seed, rows, groups, inputs, outputs):
    rng = torch.Generator().manual_seed(seed)
    y = torch.randn(rows, inputs, generator=rng, dtype=torch.float64)
    k = torch.randint(0, groups, (rows,), generator=rng)
    weight = torch.randn(groups, inputs, outputs, generator=rng, dtype=torch.float64)
    bias = torch.randn(groups, outputs, generator=rng, dtype=torch.float64)
    cotangent = torch.randn(rows, outputs, generator=rng, dtype=torch.float64)
    found = with_gradients(lambda *a: grouped_linear(*a, "segments"), y, k, weight, bias, cotangent)
    for ours, theirs in zip(
        found, with_gradients(looped, y, k, weight, bias, cotangent), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


def test_gradients_of_segments_pass_torchs_own_check():
    y, k, weight, bias, _ = problem("empty groups", torch.float64, rows=7, inputs=2, outputs=3)
    leaves = [t[0].requires_grad_() for t in (y, weight, bias)]
    assert torch.autograd.gradcheck(
        lambda a, b, c: grouped_linear(a, k[0], b, c, "segments"), leaves
    )


def test_rows_in_any_order_give_the_same_bits():
    y, k, weight, bias, cotangent = (t[0] for t in problem("any", torch.float32))
    order = torch.argsort(k, stable=True)
    for form in ("segments", "grouped_mm") if HAS_KERNEL else ("segments",):
        out, *_ = with_gradients(
            lambda *a, form=form: grouped_linear(*a, form), y, k, weight, bias, cotangent
        )
        by_group = grouped_linear(y[order], k[order], weight, bias, form)
        assert torch.equal(out[order], by_group)


def test_auto_takes_what_suits_the_sizes():
    y = torch.zeros(768, 32)
    assert chosen_form(y, torch.zeros(1, 32, 64)) == "one_hot"
    small = "grouped_mm" if HAS_KERNEL else "segments"
    assert chosen_form(y, torch.zeros(20, 32, 64)) == small
    assert chosen_form(y, torch.zeros(20, 32, 63)) == "segments"
    assert chosen_form(y.double(), torch.zeros(20, 32, 64).double()) == "segments"
    assert chosen_form(torch.zeros(6144, 128), torch.zeros(30, 128, 784)) == "segments"
    meta = torch.zeros(768, 32, device="meta")
    assert chosen_form(meta, torch.zeros(20, 32, 64, device="meta")) == "one_hot"


def test_a_kernel_that_cannot_do_this_says_so():
    y, k, weight, bias, _ = (t[0] for t in problem("any", torch.float32, outputs=7))
    with pytest.raises(ValueError, match="multiples of 4; use auto or segments"):
        grouped_linear(y, k, weight, bias, "grouped_mm")


def test_a_torch_without_the_kernel_falls_back(monkeypatch):
    monkeypatch.delattr(module.functional, "grouped_mm", raising=False)
    assert chosen_form(torch.zeros(768, 32), torch.zeros(20, 32, 64)) == "segments"
