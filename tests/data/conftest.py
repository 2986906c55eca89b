import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import URLError

import numpy as np
import pytest

from latentlab.data import Prepared, Schema, Split
from latentlab.data.io import download


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """Only this machine answers; everything else is as if the network were down."""
    real = download.urlopen

    def guarded(request, timeout):
        if not request.full_url.startswith("http://127.0.0.1:"):
            raise URLError(OSError(-2, "Name or service not known"))
        return real(request, timeout=timeout)

    monkeypatch.setattr(download, "urlopen", guarded)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path):
    """A folder and the address at which it is served."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield folder, f"http://127.0.0.1:{httpd.server_port}/"
        httpd.shutdown()
        thread.join()


@pytest.fixture
def make_prepared():
    """A small data set of random content; keywords replace its parts."""

    def make(features=None, labels=None, splits=None, **schema):
        rng = np.random.default_rng(0)
        if features is None:
            features = rng.integers(0, 256, (12, 3, 5, 4), dtype=np.uint8)
        if labels is None:
            labels = np.arange(len(features)) % 3
        fields = {
            "name": "small",
            "shape": features.shape[1:],
            "dtype": str(features.dtype),
            "scale": 255.0,
            "classes": ("a", "b", "c"),
        }
        split = Split(features, labels.astype(np.int64))
        parts = {"train": split, "test": split} if splits is None else splits
        return Prepared(Schema(**(fields | schema)), parts, "made by a test")

    return make
