"""A line at least so often, and none where others are logged."""

from __future__ import annotations

import logging
import re
import time

import pytest

from latentlab.core.liveliness import Liveliness


def test_silent_work_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    lively = Liveliness(seconds=0.1)
    lively.begin("calibration")
    time.sleep(0.5)
    lively.end()
    told = [line for line in caplog.messages if line.startswith("calibration: ")]
    assert 2 <= len(told) <= 6
    assert told[0] == "calibration: begins"
    time.sleep(0.3)
    assert len(caplog.messages) == len(told)


def test_work_that_speaks_for_itself_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    lively = Liveliness(seconds=0.4)
    lively.begin("training")
    for step in range(10):
        time.sleep(0.06)
        logging.getLogger("latentlab.some").info("step %d", step)
    lively.end()
    assert not [line for line in caplog.messages if line.startswith("training: ")]


def test_short_pieces_of_work_are_not_silent_together(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    lively = Liveliness(seconds=0.2)
    for piece in range(8):
        lively.begin(f"piece {piece}")
        time.sleep(0.08)
    lively.end()
    assert [line for line in caplog.messages if line.startswith("piece ")]


def test_work_that_goes_on_says_for_how_long(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    lively = Liveliness(seconds=0.1)
    lively.begin("calibration")
    time.sleep(1.3)
    lively.end()
    assert re.fullmatch(r"calibration: [1-9] s so far", caplog.messages[-1])
