"""Which columns of a table of runs are no parameters: names of runs, bookkeeping, outcomes.

Where trackers, scripts and spreadsheets put configuration and results into one table, nothing but
the columns' names and values tells them apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_float_dtype

from latentlab.runs.columns import NULL
from latentlab.runs.metric_names import words_of
from latentlab.runs.seed_names import is_seed

Role = Literal["label", "bookkeeping", "outcome"]

# Names are matched as words in lower case, joined by underscores.
_LABEL = re.compile(
    r"id|name|display_name|number|index|idx|rep|replicate|repeat|repetition|fold|uuid|guid|"
    r"(run|trial|job|experiment)(_(id|name|number))?|"
    r"(.*_)?(uuid|guid|hash|sha|sha1|sha256|commit|checksum)"
)
_BOOKKEEPING = re.compile(
    r"state|status|(created|updated|started|finished)(_at)?|(start|end)_time|timestamp|date|"
    r"datetime|runtime|user(name|_id)?|owner|entity|project|sweep|tags|notes|comment|description|"
    r"source_(name|type)|job_type|lifecycle_stage|host(name)?|pid|os|python(_version)?|"
    r"cli_version|git|github|gpu|gpu_(count|type)|cpu_count|command|program|artifact_uri|run_path|"
    r"log_?dir"
)
_INTERNAL = re.compile(r"(_|tags\.|mlflow\.|system[./]|user_attrs_|system_attrs_).*")
"""Columns of trackers themselves, as they spell them."""

_BEST = re.compile(r"best_(epoch|step|iteration|iter|round)")
_REACHED = re.compile(
    r"((last|final|global|current|total|trainer|stopped)_)*(epoch|step|iteration|iter|round)|"
    r"(.*_)?(time|timestamp|runtime|walltime|duration|elapsed|seconds|minutes|ms)"
)
_SCORE = re.compile(
    r"(loss|losses|acc|accuracy|f|auc|auroc|auprc|iou|miou|dice|precision|recall|specificity|mcc|"
    r"kappa|bleu|rouge|wer|cer|perplexity|ppl|nll|bpd|elbo|likelihood|fid|psnr|ssim|lpips|mse|"
    r"rmse|mae|mape|r|error|err|score|reward|return|regret|metric|ndcg|mrr|pearson|spearman|"
    r"silhouette|nmi|ari|ece|brier|throughput|latency)\d*"
)
_PART = re.compile(r"train(ing)?|val|valid|validation|test(ing)?|eval|dev|best|final")
"""What a score is of."""
_KNOB = re.compile(
    r"weights?|coef|coeff|coefficient|lambda|alpha|beta|gamma|eps|epsilon|scale|factor|threshold|"
    r"tol|tolerance|target|margin|clip|temperature|patience|delta|decay|smoothing|type|kind|fn|"
    r"function|mode|name|reduction|every|interval|freq|frequency|size|fraction|split|penalty|"
    r"power|exponent|bound|limit|schedule|warmup|discount|dropout|noise|prob"
)
"""Words that make a setting of a score: `loss_weight`, `target_accuracy`."""

_FEW = 10
"""A setting is tried at some values again and again; what is measured rarely comes twice."""
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d.*)?|(\d+ days? )?\d+:\d\d:\d\d(\.\d+)?|"
    r"\d+(\.\d+)?(ms|s|min|h|d)"
)
_MADE_UP = re.compile(r"[0-9a-f]{7,64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z]+-[a-z]+-\d+")
"""Hashes, and names such as `brisk-otter-3`."""


def roles(parameters: pd.DataFrame, seeds: NDArray[np.int64] | None = None) -> dict[str, Role]:
    """Return the columns that are no parameters, and what they are instead.

    By name: columns of trackers, names of runs, further seeds, times, scores. By values: a column
    that counts the rows, that has another word in every row, hashes, dates and durations. With
    seeds: one that differs in every row, where the other columns are a design that is repeated on
    the seeds. What only its values speak against stays a parameter where nothing else varies.

    Args:
        parameters: typed columns that nobody has named, [runs, columns].
        seeds: of the runs, [runs]; none where unknown.
    """
    columns = {str(name): _as_numbers(parameters[name]) for name in parameters}
    named = {name: role for name, column in columns.items() if (role := _by_name(name, column))}
    left = {name: column for name, column in columns.items() if name not in named}
    found = {name: role for name, column in left.items() if (role := _by_values(column))}
    if seeds is not None:
        found |= _by_seeds({n: c for n, c in left.items() if n not in found}, seeds)
    if any(column.nunique() > 1 for name, column in left.items() if name not in found):
        named |= found
    return {name: named[name] for name in columns if name in named}


def _as_numbers(column: pd.Series) -> pd.Series:
    """Return numbers, beside which None and infinite ones may stand, as floats; else the column."""
    text = column.astype(object).mask(column == NULL).dropna().astype(str).str.strip("'")
    numbers = pd.to_numeric(text, errors="coerce")
    readable = not numbers.empty and (numbers.notna() | (text.str.lower() == "nan")).all()
    return numbers.reindex(column.index).astype(float) if readable else column


def _by_name(name: str, column: pd.Series) -> Role | None:
    words = words_of(name)
    joined = "_".join(words)
    if is_seed(name) or _LABEL.fullmatch(joined):
        return "label"
    if _BOOKKEEPING.fullmatch(joined) or _INTERNAL.fullmatch(name):
        return "bookkeeping"
    if joined.endswith("_id") and _is_measured(column):
        return "label"
    if not is_float_dtype(column):
        return None
    if _BEST.fullmatch(joined):
        return "outcome"
    if _REACHED.fullmatch(joined):
        return "bookkeeping" if _is_measured(column) else None
    if not any(map(_SCORE.fullmatch, words)) or any(map(_KNOB.fullmatch, words)):
        return None
    varied = column.nunique() > _FEW or _is_measured(column)
    return "outcome" if varied or any(map(_PART.fullmatch, words)) else None


def _is_measured(column: pd.Series) -> bool:
    """Whether most rows have a value of their own."""
    return bool(column.nunique() > max(column.count() / 2, 2))


def _by_values(column: pd.Series) -> Role | None:
    values = column.dropna()
    if is_float_dtype(column):
        numbers = values.to_numpy()
        counts = len(numbers) == len(column) > 3 and bool(np.all(np.diff(numbers) == 1))
        return "label" if counts and numbers[0] in (0, 1) else None
    words = [str(value).strip("'") for value in values]
    if not words or all(isinstance(value, bool) for value in values):
        return None
    if all(map(_TIME.fullmatch, words)):
        return "bookkeeping"
    different = len(set(words))
    many = different > 2 * _FEW and different > len(words) / 5
    own = different == len(words) > _FEW / 2
    return "label" if many or own or all(map(_MADE_UP.fullmatch, words)) else None


def _by_seeds(columns: Mapping[str, pd.Series], seeds: NDArray[np.int64]) -> dict[str, Role]:
    """Columns of which each row has its own value, beside a design that is repeated on seeds."""
    own = {name: one for name, one in columns.items() if one.nunique() == len(seeds)}
    design = [pd.factorize(one)[0] for name, one in columns.items() if name not in own]
    if not own or not design:
        return {}
    group = pd.DataFrame(np.stack(design, axis=1)).groupby(list(range(len(design)))).ngroup()
    runs = pd.DataFrame({"group": group, "seed": seeds})
    each = runs["group"].nunique() <= len(runs) / 2
    again = runs.groupby("seed")["group"].nunique().min() > 1
    if runs.duplicated().any() or not (each and again):
        return {}
    return {name: "outcome" if _is_fractional(one) else "label" for name, one in own.items()}


def _is_fractional(column: pd.Series) -> bool:
    return is_float_dtype(column) and bool((column % 1 != 0).any())
