"""Small folders in the layouts of TextCaps and of the table, written by the tests themselves."""

import csv
import json

import numpy as np
from PIL import Image

CLASSES = ("Clock", "Bottle", "Book")
"""By falling frequency in `write_textcaps`."""


def picture(folder, name, shade, size=(30, 20)):
    """A photograph whose left half is of one shade, and whose right half is black."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    pixels[:, : size[0] // 2] = shade
    Image.fromarray(pixels).save(path, quality=95)


def entries(prefix, counts, captions=2):
    """One entry for each caption, as the published files have them."""
    found = []
    labels = [name for name, count in counts.items() for _ in range(count)]
    for k, label in enumerate(labels):
        texts = [f"A {label} reads {prefix}{k}, caption {c}." for c in range(captions)]
        for c in range(captions):
            found.append(
                {
                    "image_id": f"{prefix}{k:03d}",
                    "image_classes": [label, "Person"],
                    "image_width": 30,
                    "image_height": 20,
                    "image_name": f"{prefix}{k:03d}",
                    "image_path": f"train/{prefix}{k:03d}.jpg",
                    "set_name": "train",
                    "caption_id": 1000 * len(prefix) + captions * k + c,
                    "caption_str": texts[c],
                    "reference_strs": texts,
                }
            )
    return found


def write_json(path, data):
    path.write_text(json.dumps({"dataset_name": "textcaps", "data": data}), encoding="utf-8")


def write_textcaps(folder):
    """Train has 6 clocks, 4 bottles, 3 books and a car; val has 2, 2, 2 and a bicycle."""
    train = entries("t", {"Clock": 6, "Book": 3, "Bottle": 4, "Car": 1})
    val = entries("vv", {"Book": 2, "Bicycle": 1, "Clock": 2, "Bottle": 2})
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "TextCaps_0.1_train.json", train)
    write_json(folder / "TextCaps_0.1_val.json", val)
    for k, image in enumerate(dict.fromkeys(entry["image_id"] for entry in train + val)):
        picture(folder / "train_images", f"{image}.jpg", 10 * k + 5)


def rows(count=12, splits=True):
    """Rows of a table with two labels; two thirds train."""
    return [
        {
            "image": f"pictures/{k}.png",
            "text": f"object {k}, say",
            "label": ("shoe", "hat")[k % 2],
            **({"split": "train" if k < 2 * count // 3 else "test"} if splits else {}),
            "id": f"x{k}",
        }
        for k in range(count)
    ]


def write_table(folder, table, pictures=True):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    if pictures:
        for k, row in enumerate(table):
            if row["image"]:
                picture(folder, row["image"], 12 * k + 20)
