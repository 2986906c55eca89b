import errno
import hashlib
import logging
from http.client import IncompleteRead

import pytest
from rich.console import Console

from latentlab.core.errors import UserError
from latentlab.data.io import download, progress
from latentlab.data.io.download import Remote, fetch


def _remote(address, content, name="file.bin"):
    return Remote(name, (address + name,), hashlib.md5(content).hexdigest())


def test_fetch_and_digest(tmp_path, server, caplog):
    folder, address = server
    content = bytes(range(256)) * 3000
    (folder / "file.bin").write_bytes(content)
    with caplog.at_level(logging.INFO):
        fetch([_remote(address, content)], tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / "file.bin").read_bytes() == content
    assert "file.bin: 100%" in caplog.text


class _Response:
    def __init__(self, *blocks):
        self.blocks, self.headers = list(blocks), {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def read(self, _):
        block = self.blocks.pop(0)
        if isinstance(block, Exception):
            raise block
        return block


@pytest.mark.parametrize(
    "failure", [TimeoutError("timed out"), ConnectionResetError(104, "reset"), IncompleteRead(b"")]
)
def test_a_broken_connection_leaves_nothing(tmp_path, monkeypatch, failure):
    monkeypatch.setattr(download, "urlopen", lambda *_, **__: _Response(b"half", failure))
    with pytest.raises(UserError, match=r"No download from http://x/file\.bin"):
        fetch([_remote("http://x/", b"half and half")], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_short_answer_is_no_success(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "urlopen", lambda *_, **__: _Response(b"half", b""))
    with pytest.raises(UserError, match="md5"):
        fetch([_remote("http://x/", b"half and half")], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_not_the_networks_fault(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download, "_stream", full)
    with pytest.raises(UserError, match=r"cannot be written: No space left.*Free space"):
        fetch([_remote("http://x/", b"")], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_http_errors_name_the_reason(tmp_path, server):
    _, address = server
    with pytest.raises(UserError, match=r"file.bin \((File )?[Nn]ot [Ff]ound"):
        fetch([_remote(address, b"")], tmp_path / "raw")


def test_progress_on_a_terminal(monkeypatch, capsys):
    terminal = Console(force_terminal=True, width=80)
    monkeypatch.setattr(progress, "Console", lambda stderr: terminal)
    for in_bytes in (False, True):
        with progress.progress("Reading", 10, done=4, in_bytes=in_bytes) as advance:
            advance(6)
    assert "10/10" in capsys.readouterr().out
