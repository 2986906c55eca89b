"""An affine map whose weights depend on the row: row n meets the weights of its group k_n.

Gathering the weights row by row would copy a whole matrix per row. Three forms avoid it and agree
in value and gradient:

* `segments`: rows sorted by group, one matrix product per group. The least work. The sizes of the
  groups are data, so they are read on the host: the one place of this study that waits for the
  device, hidden from `vmap` in an `autograd.Function` that folds T trials of K groups into T * K
  groups.
* `grouped_mm`: the same with torch's own kernel for groups of unequal size, which spares the loop
  in Python. Single precision, and sizes that are multiples of 4.
* `one_hot`: one product with a row's values written into the columns of its group and zeros
  elsewhere. Plain tensor operations and K times the work: the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

Form = Literal["auto", "segments", "one_hot", "grouped_mm"]

SMALL_PRODUCT = 1 << 18
"""Multiplications in one group's product up to which a call from Python costs more than it."""
KERNEL_MULTIPLE = 4
"""torch's kernel wants rows of a multiple of 16 bytes, that is of 4 numbers."""


def grouped_linear(
    y: Tensor, k: Tensor, weight: Tensor, bias: Tensor, form: Form = "auto"
) -> Tensor:
    """Row n of the result is `y[n] @ weight[k[n]] + bias[k[n]]`; groups may be empty.

    All forms work under `vmap`. The gradient of `segments` and `grouped_mm` is of first order, and
    taken outside of `vmap` by plain autograd.

    Args:
        y: [rows, inputs].
        k: group of each row, int64 [rows].
        weight: [groups, inputs, outputs].
        bias: [groups, outputs].
        form: how it is computed; `auto` chooses by device and sizes (`chosen_form`).

    Returns:
        [rows, outputs].

    Raises:
        ValueError: torch's kernel was asked for, and cannot do this.
    """
    if form == "auto":
        form = chosen_form(y, weight)
    if form == "one_hot":
        members = functional.one_hot(k, len(weight)).to(y.dtype)
        spread = (members[:, :, None] * y[:, None, :]).flatten(1)
        return spread @ weight.flatten(0, 1) + members @ bias
    if form == "grouped_mm" and not _kernel_applies(weight):
        raise ValueError(
            "grouped_product: grouped_mm needs a torch that has it, float32, and numbers of "
            f"latents and pixels that are multiples of {KERNEL_MULTIPLE}; use auto or segments"
        )
    return _sorted_by_group(y, k, weight, bias, form)[0]


def chosen_form(y: Tensor, weight: Tensor) -> Form:
    """What `auto` takes for y [rows, inputs] and weight [groups, inputs, outputs].

    One group needs no sorting. On a CPU many small groups go to torch's kernel and larger ones to
    the segments, as measured. On a GPU it is `one_hot`, the one form that never waits for the
    device; that choice is reasoned and not measured.
    """
    if len(weight) == 1 or y.device.type != "cpu":
        return "one_hot"
    product = len(y) * weight[0].numel() // len(weight)
    return "grouped_mm" if product <= SMALL_PRODUCT and _kernel_applies(weight) else "segments"


def _kernel_applies(weight: Tensor) -> bool:
    """Whether torch has its kernel, and it takes these weights."""
    fits = all(size % KERNEL_MULTIPLE == 0 for size in weight.shape[1:])
    return fits and weight.dtype == torch.float32 and hasattr(functional, "grouped_mm")


class _SortedByGroup(torch.autograd.Function):
    """The two forms that want rows sorted by group.

    Returns the result, and for the backward pass the order of the rows (empty where they came
    sorted: results of many pixels are then not copied) and the end of each group.
    """

    @staticmethod
    def forward(
        y: Tensor, k: Tensor, weight: Tensor, bias: Tensor, form: Form
    ) -> tuple[Tensor, Tensor, Tensor]:
        came_sorted = bool((k[1:] >= k[:-1]).all())
        order = k.new_empty(0) if came_sorted else torch.argsort(k, stable=True)
        ends = torch.bincount(k, minlength=len(weight)).cumsum(0)
        rows, weight = _sorted(y, order), weight.contiguous()
        if form == "grouped_mm":
            out = _kernel(rows, weight, ends)
            out += bias.index_select(0, _sorted(k, order))
        else:
            out = y.new_empty(len(y), weight.shape[-1])
            parts = zip(_groups(out, ends), _groups(rows, ends), weight, bias, strict=True)
            for part, own, w, b in parts:
                torch.addmm(b, own, w, out=part)
        return _unsorted(out, order), order, ends

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        y, k, weight, bias, form = inputs
        _, order, ends = output
        ctx.mark_non_differentiable(order, ends)
        ctx.save_for_backward(y, k, weight, bias, order, ends)
        ctx.form = form

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        y, k, weight, bias, order, ends = ctx.saved_tensors
        by_group = _sorted(gradient, order)
        grad_y = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_y = _unsorted(_products(by_group, weight.contiguous().mT, ends, ctx.form), order)
        if ctx.needs_input_grad[2]:
            grad_weight = _sums_of_products(_sorted(y, order), by_group, ends, ctx.form)
        if ctx.needs_input_grad[3]:
            grad_bias = torch.zeros_like(bias).index_add(0, k, gradient)
        return grad_y, None, grad_weight, grad_bias, None

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], *inputs: Any
    ) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[int, None, None]]:
        """T trials of K groups as one problem of T * K groups."""
        trials = info.batch_size
        y, k, weight, bias = (
            tensor.expand(trials, *tensor.shape) if place is None else tensor.movedim(place, 0)
            for tensor, place in zip(inputs[:4], in_dims[:4], strict=True)
        )
        groups = k + weight.shape[1] * torch.arange(trials, device=k.device)[:, None]
        folded = (tensor.flatten(0, 1) for tensor in (y, groups, weight, bias))
        out, order, ends = _sorted_by_group(*folded, inputs[4])
        return (out.unflatten(0, (trials, -1)), order, ends), (0, None, None)


_sorted_by_group: Callable[..., tuple[Tensor, Tensor, Tensor]] = _SortedByGroup.apply
"""[rows, outputs], the order and the ends; torch does not say what `apply` takes and gives."""


def _products(rows: Tensor, weight: Tensor, ends: Tensor, form: Form) -> Tensor:
    """Sorted rows [rows, a] times the weights [groups, a, b] of their group: [rows, b]."""
    if form == "grouped_mm":
        return _kernel(rows, weight, ends)
    parts = zip(_groups(rows, ends), weight, strict=True)
    return torch.cat([own @ matrix for own, matrix in parts])


def _sums_of_products(left: Tensor, right: Tensor, ends: Tensor, form: Form) -> Tensor:
    """`left.T @ right` of the rows of each group, [groups, a, b]; 0 where it is empty."""
    if form == "grouped_mm":
        return _kernel(left.mT, right, ends)
    out = left.new_empty(len(ends), left.shape[1], right.shape[1])
    for matrix, a, b in zip(out, _groups(left, ends), _groups(right, ends), strict=True):
        torch.mm(a.mT, b, out=matrix)
    return out


def _kernel(left: Tensor, right: Tensor, ends: Tensor) -> Tensor:
    """The product of groups by torch's kernel, which counts rows in 32 bits."""
    return functional.grouped_mm(left, right, offs=ends.to(torch.int32))


def _groups(rows: Tensor, ends: Tensor) -> tuple[Tensor, ...]:
    """Views of the sorted rows of each group."""
    return torch.tensor_split(rows, ends[:-1].cpu())


def _sorted(rows: Tensor, order: Tensor) -> Tensor:
    """Rows by group, in memory too."""
    return rows.index_select(0, order) if len(order) else rows.contiguous()


def _unsorted(rows: Tensor, order: Tensor) -> Tensor:
    """Rows by group in the order in which they came."""
    return rows.index_select(0, torch.argsort(order)) if len(order) else rows
