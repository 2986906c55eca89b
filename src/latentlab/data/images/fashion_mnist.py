"""Fashion-MNIST: 70,000 pictures of clothing in MNIST's format.

H. Xiao, K. Rasul, R. Vollgraf (2017), Fashion-MNIST: a novel image dataset for benchmarking machine
learning algorithms. arXiv:1708.07747. Licence: MIT.
"""

from __future__ import annotations

from latentlab.data.images.idx_dataset import FILE_NAMES, IdxDataset
from latentlab.data.source import DownloadConfig, Source


class FashionMnistConfig(DownloadConfig):
    """Settings of the Fashion-MNIST source."""


DATASET = IdxDataset(
    name="fashion_mnist",
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    citation="Fashion-MNIST (Xiao, Rasul, Vollgraf 2017; MIT)",
    addresses=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    packed_md5=dict(
        zip(
            FILE_NAMES,
            (
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "25c81989df183df01b3e8a0aad5dffbe",
                "bef4ecab320f06d8554ea6380940ec79",
                "bb300cfdad3c16e7a12a480ee83cd310",
            ),
            strict=True,
        )
    ),
    # The publisher gives digests of the packed files only.
    unpacked_md5={},
)

FASHION_MNIST = Source("fashion_mnist", FashionMnistConfig, DATASET.read)
