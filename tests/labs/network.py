"""Two hosts on one machine: network namespaces that share its disk and its processors."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

BRIDGE = "lab0"
HERE = "10.77.0.1"


@contextmanager
def two_hosts() -> Iterator[tuple[list[list[str]], str]]:
    """Make two hosts; give what begins a command on each, and the address of this one for them.

    Raises:
        CalledProcessError: this is not root, or there is no `ip`.
    """
    names = ["lab-one", "lab-two"]
    try:
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{HERE}/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        for number, name in enumerate(names, start=2):
            _ip("netns", "add", name)
            outer, inner = f"lab{number}o", f"lab{number}i"
            _ip("link", "add", outer, "type", "veth", "peer", "name", inner)
            _ip("link", "set", outer, "master", BRIDGE, "up")
            _ip("link", "set", inner, "netns", name)
            _ip("-n", name, "addr", "add", f"10.77.0.{number}/24", "dev", inner)
            _ip("-n", name, "link", "set", inner, "up")
            _ip("-n", name, "link", "set", "lo", "up")
        # A UTS namespace each: they are to have names of their own too.
        yield (
            [
                [
                    "ip",
                    "netns",
                    "exec",
                    n,
                    "unshare",
                    "--uts",
                    "sh",
                    "-c",
                    f'hostname {n}; exec "$@"',
                    n,
                ]
                for n in names
            ],
            HERE,
        )
    finally:
        for name in names:
            _ip("netns", "del", name, check=False)
        _ip("link", "del", BRIDGE, check=False)


def _ip(*arguments: str, check: bool = True) -> None:
    subprocess.run(["ip", *arguments], check=check, capture_output=True)
