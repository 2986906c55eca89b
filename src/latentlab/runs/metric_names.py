"""What the name of a column says of a metric: which way it is better, on which split it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from latentlab.metrics.metric import Better

_WORDS = re.compile(r"[A-Z]?[a-z]+\d*|[A-Z]+(?![a-z])\d*|\d+")

_HIGHER = re.compile(
    r"(acc|accuracy|f|auc|auroc|auprc|iou|miou|dice|precision|recall|sensitivity|specificity|mcc|"
    r"kappa|bleu|rouge|score|reward|return|elbo|likelihood|psnr|ssim|ndcg|mrr|map|r|pearson|"
    r"spearman|silhouette|nmi|ari|throughput|correct)\d*"
)
_LOWER = re.compile(
    r"(loss|losses|error|err|nll|bpd|wer|cer|perplexity|ppl|fid|lpips|mse|rmse|mae|mape|regret|"
    r"brier|ece|latency|seconds|runtime|duration|time|distance|divergence)\d*"
)
_TURNED = re.compile(r"neg|negative|minus|inverse|one")
"""Words that turn the meaning of the next one round."""

_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
}

UNKNOWN_SPLIT = "unsaid"
"""The split of a metric whose name does not say it."""


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case: `valAcc`, `val/acc` and `Val Acc` have the same.

    Example:
        >>> words_of("valAcc"), words_of("test/f1_score")
        (['val', 'acc'], ['test', 'f1', 'score'])
    """
    return [word.lower() for word in _WORDS.findall(name)]


def better_of(name: str) -> Better | None:
    """Return which way a metric is better, as its name says it; none where it says nothing or both.

    Example:
        >>> better_of("test_acc"), better_of("val/loss"), better_of("neg_mse"), better_of("beta")
        ('higher', 'lower', None, None)
    """
    words = words_of(name)
    if any(map(_TURNED.fullmatch, words)):
        return None
    higher = any(map(_HIGHER.fullmatch, words))
    lower = any(map(_LOWER.fullmatch, words))
    if higher == lower:
        return None
    return "higher" if higher else "lower"


def split_of(name: str) -> str:
    """Return the split that a metric's name says: `train`, `validation`, `test`.

    Example:
        >>> split_of("test.accuracy"), split_of("acc_val"), split_of("accuracy")
        ('test', 'validation', 'unsaid')
    """
    said = {_SPLITS[word] for word in words_of(name) if word in _SPLITS}
    return said.pop() if len(said) == 1 else UNKNOWN_SPLIT


def bare_names(columns: Sequence[str]) -> dict[str, str]:
    """Return each column's name without its split, as a study calls the metric.

    Where that would make two columns of one split the same, or leave nothing, names stay whole.

    Example:
        >>> bare_names(["test.accuracy", "val.accuracy", "test"])
        {'test.accuracy': 'accuracy', 'val.accuracy': 'accuracy', 'test': 'test'}
    """
    part = "|".join(_SPLITS)
    ends = re.compile(rf"^({part})[._/ -]+|[._/ -]+({part})$", re.IGNORECASE)
    bare = {name: ends.sub("", name, count=1) or name for name in columns}
    taken = [(split_of(name), bare[name]) for name in columns]
    return {
        name: name if taken.count((split_of(name), bare[name])) > 1 else bare[name]
        for name in columns
    }
