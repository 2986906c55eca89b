"""MNIST: 70,000 handwritten digits.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), Gradient-based learning applied to document
recognition. Proceedings of the IEEE 86(11). Licence: CC BY-SA 3.0.
"""

from __future__ import annotations

from latentlab.data.images.idx_dataset import FILE_NAMES, IdxDataset
from latentlab.data.source import DownloadConfig, Source


class MnistConfig(DownloadConfig):
    """Settings of the MNIST source."""


DATASET = IdxDataset(
    name="mnist",
    classes=tuple("0123456789"),
    citation="MNIST (LeCun, Cortes, Burges; CC BY-SA 3.0)",
    addresses=("https://ossci-datasets.s3.amazonaws.com/mnist/",),
    packed_md5=dict(
        zip(
            FILE_NAMES,
            (
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "d53e105ee54ea40749a09fcbcd1e9432",
                "9fb629c4189551a2d022fa330f9573f3",
                "ec29112dd5afa0611ce80d1b7f02629c",
            ),
            strict=True,
        )
    ),
    unpacked_md5=dict(
        zip(
            FILE_NAMES,
            (
                "6bbc9ace898e44ae57da46a324031adb",
                "a25bea736e30d166cdddb491f175f624",
                "2646ac647ad5339dbf082846283269ea",
                "27ae3e4e09519cfbb04c329615203637",
            ),
            strict=True,
        )
    ),
)

MNIST = Source("mnist", MnistConfig, DATASET.read)
