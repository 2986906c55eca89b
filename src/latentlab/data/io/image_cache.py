"""Decoding many JPEG files once, into one memory-mapped array, resumable after a kill.

```
<folder>/images.npy           uint8 [n, 3, size, size], present only when complete
<folder>/complete.json        digest of that file, and why which images are missing, where allowed
<folder>/images.npy.partial   the same file while it grows
<folder>/progress.json        how many images of the partial file are done, and which are missing
```
The file is appended to by plain writes, not through a memory map: a full disk is then an error that
can be reported, where a memory map would end the process with a bus error.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from latentlab.core.errors import UserError
from latentlab.core.files import (
    move_into_place,
    remove_partials,
    unwritable,
    write_atomically,
)
from latentlab.data.io.progress import progress

logger = logging.getLogger(__name__)

CHUNK = 2048
"""Images between two records of progress: at 64x64 about 25 MB and some seconds."""
TASK = 32
"""Images per task of the thread pool."""
COMPLETE = "complete.json"

Opener = Callable[[str], bytes]
"""Gives the content of the image file of that name."""
Unreadable = dict[int, str]
"""Why the image at a place could not be read."""
_Decode = Callable[[Opener, str], NDArray[np.uint8] | str]
"""Gives an image, [3, size, size], or why it cannot be read."""


def decode_images(
    names: Sequence[str], open_source: Callable[[], Opener], size: int, workers: int, folder: Path
) -> NDArray[np.uint8]:
    """Decode images, or go on where an earlier call was killed, or map what is complete.

    Args:
        names: image files, in the order of the result.
        open_source: gives the function that reads one of them, from several threads. Not called
            when the cache is complete, which therefore outlives the image files.
        size: side of the square result in pixels.
        workers: threads. Decoding leaves Python's lock, so threads share the cores.
        folder: cache of exactly these names and size.

    Returns:
        Memory-mapped uint8 [n, 3, size, size], channels red, green, blue.

    Raises:
        UserError: an image that cannot be decoded, an unwritable folder or full disk, or another
            process that is filling the same cache.
    """

    def decode(open_image: Opener, name: str) -> NDArray[np.uint8]:
        try:
            return resize_and_crop(open_image(name), size)
        except UserError:
            raise
        except Exception as error:
            # Damaged files make the decoders raise nearly anything.
            raise UserError(
                f"Image {name} cannot be decoded ({error})",
                "Replace it by an intact copy and run again; decoding resumes there.",
            ) from error

    return _decoded(names, open_source, decode, size, workers, folder)[0]


def decode_readable(
    names: Sequence[str], open_source: Callable[[], Opener], size: int, workers: int, folder: Path
) -> tuple[NDArray[np.uint8], Unreadable]:
    """As `decode_images`, but whole pictures, squashed; those that cannot be read are noted.

    Returns:
        The images, and the places of those that are missing; what the array has there means
        nothing.

    Raises:
        UserError: an unwritable folder or full disk, or another process that is filling the same
            cache.
    """

    def decode(open_image: Opener, name: str) -> NDArray[np.uint8] | str:
        try:
            return squash(open_image(name), size)
        except Exception as error:
            # Damaged files make the decoders raise nearly anything.
            return str(error) or type(error).__name__

    return _decoded(names, open_source, decode, size, workers, folder)


def squash(content: bytes, size: int) -> NDArray[np.uint8]:
    """One image with both sides scaled to `size`, uint8 [3, size, size].

    With bilinear filtering over the whole footprint of a pixel (antialiased), as torchvision's
    `Resize((size, size))` gives it.
    """
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        small = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(small).transpose(2, 0, 1)


def _decoded(
    names: Sequence[str],
    open_source: Callable[[], Opener],
    decode: _Decode,
    size: int,
    workers: int,
    folder: Path,
) -> tuple[NDArray[np.uint8], Unreadable]:
    shape = (len(names), 3, size, size)
    found = _open_complete(folder, shape)
    if found is not None:
        return found
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The lock goes with its process, so one that was killed leaves none behind.
        with FileLock(folder / ".lock", timeout=0):
            remove_partials(folder, older_than=0)
            _fill(names, partial(decode, open_source()), size, workers, folder)
    except Timeout as error:
        raise UserError(
            f"Another run is decoding images into {folder}", "Wait for it, then run again."
        ) from error
    except OSError as error:
        raise unwritable(folder, error) from error
    found = _open_complete(folder, shape)
    if found is None:
        raise UserError(f"{folder} holds no whole images.npy", "Remove the folder and run again.")
    return found


def resize_and_crop(content: bytes, size: int) -> NDArray[np.uint8]:
    """One image as torchvision's `Resize(size)` and `CenterCrop(size)` give it.

    Args:
        content: an encoded image.
        size: side of the result in pixels. The shorter side is scaled to it, with bilinear
            filtering over the whole footprint of a pixel (antialiased), and the longer one is cut.

    Returns:
        uint8 [3, size, size].
    """
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        width, height = image.size
        short = min(width, height)
        new_width, new_height = int(size * width / short), int(size * height / short)
        # No `draft` mode: it would decode faster, to other pixels than the report's.
        small = image.convert("RGB").resize((new_width, new_height), Image.Resampling.BILINEAR)
    left, top = round((new_width - size) / 2), round((new_height - size) / 2)
    pixels = np.asarray(small.crop((left, top, left + size, top + size)))
    return pixels.transpose(2, 0, 1)


def _open_complete(
    folder: Path, shape: tuple[int, ...]
) -> tuple[NDArray[np.uint8], Unreadable] | None:
    """The images and which of them are missing; None where they are not there, or not intact."""
    path = folder / "images.npy"
    try:
        array: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    digest, missing = _record(folder / COMPLETE, "digest")
    if array.shape != shape or array.dtype != np.uint8 or digest != _digest(path, missing):
        logger.warning("%s is not what was written; its images are decoded again", path)
        return None
    return array, missing


def _digest(path: Path, missing: Unreadable) -> str:
    """Of the file and of what is missing in it."""
    digest = hashlib.blake2b(json.dumps(sorted(missing.items())).encode(), digest_size=32)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _fill(
    names: Sequence[str],
    decode: Callable[[str], NDArray[np.uint8] | str],
    size: int,
    workers: int,
    folder: Path,
) -> None:
    growing, record = folder / "images.npy.partial", folder / "progress.json"
    counted, missing = _record(record, "done") if growing.exists() else (None, {})
    done = counted if isinstance(counted, int) and 0 < counted <= len(names) else 0
    with (
        growing.open("r+b" if done else "wb") as out,
        ThreadPoolExecutor(workers) as pool,
        progress("Decoding images", len(names), done) as advance,
    ):
        done = _seek(out, done, (len(names), 3, size, size))
        missing = {place: why for place, why in missing.items() if place < done}
        for start in range(done, len(names), CHUNK):
            chunk = names[start : start + CHUNK]
            images, damaged = _decode_chunk(chunk, decode, size, pool)
            out.write(images.data)
            missing |= {start + place: why for place, why in damaged.items()}
            # The images must be on the disk before the record says so.
            out.flush()
            os.fsync(out.fileno())
            state = {"done": start + len(chunk), "unreadable": missing}
            write_atomically(record, json.dumps(state).encode())
            advance(len(chunk))
    state = {"digest": _digest(growing, missing), "unreadable": missing}
    write_atomically(folder / COMPLETE, json.dumps(state).encode())
    move_into_place(growing, folder / "images.npy")
    record.unlink(missing_ok=True)


def _seek(out: BinaryIO, done: int, shape: tuple[int, ...]) -> int:
    """Cut the partial file behind its `done` whole images, and place the next write there.

    Returns:
        `done`, or 0 when the file is shorter than its record says and is begun anew.
    """
    header = io.BytesIO()
    description = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, description)
    start = len(header.getvalue())
    end = start + done * int(np.prod(shape[1:]))
    if done and out.seek(0, os.SEEK_END) >= end:
        out.truncate(end)
        out.seek(end)
        return done
    out.seek(0)
    out.truncate()
    out.write(header.getvalue())
    return 0


def _record(path: Path, key: str) -> tuple[Any, Unreadable]:
    """What a record says under `key`, and which images are missing; None of a damaged one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return content[key], {int(k): str(v) for k, v in content["unreadable"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, {}


def _decode_chunk(
    names: Sequence[str],
    decode: Callable[[str], NDArray[np.uint8] | str],
    size: int,
    pool: ThreadPoolExecutor,
) -> tuple[NDArray[np.uint8], Unreadable]:
    images = np.zeros((len(names), 3, size, size), dtype=np.uint8)
    damaged: Unreadable = {}

    def task(start: int) -> None:
        for place, name in enumerate(names[start : start + TASK], start):
            found = decode(name)
            if isinstance(found, str):
                damaged[place] = found
            else:
                images[place] = found

    # Consuming the map raises what a task raised.
    for _ in pool.map(task, range(0, len(names), TASK)):
        pass
    return images, damaged
