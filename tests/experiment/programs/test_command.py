"""From a declared command to the one of a trial."""

import json

import pytest

from latentlab.experiment.programs.command import call_of
from latentlab.experiment.programs.settings import ProgramSettings, seconds

VALUES = {"lr": 0.1, "optimizer.name": "adam", "flip": True, "mute": False}


def command(*parts, values=VALUES, seed=3, **settings):
    program = ProgramSettings(command=parts, **settings)
    return call_of(program, values, seed, "mnist").placed("/folder", "cpu")


def test_settings_seed_and_places_are_filled_in():
    parts = ("run", "--lr={lr}", "{optimizer.name}", "{seed}/{dataset}", "{folder}", "{device}")
    assert command(*parts).command == ("run", "--lr=0.1", "adam", "3/mnist", "/folder", "cpu")


def test_folder_and_device_are_no_part_of_the_name():
    program = ProgramSettings(command=("run", "{folder}", "{device}"))
    assert call_of(program, {}, 0, "mnist").command == ("run", "{folder}", "{device}")


def test_braces_stay_what_they_are():
    values = {"shape": "{3}", "lr": 1}
    assert command("{{x}}", "{shape}", '{"a": 1}', values=values).command == (
        "{x}",
        "{3}",
        '{"a": 1}',
    )


# As `create_sweep_command_args` of wandb 0.31 (sdk/launch/sweeps/utils.py) makes them.
@pytest.mark.parametrize(
    ("macro", "expected"),
    [
        ("args", ["--lr=0.1", "--optimizer.name=adam", "--flip=True", "--mute=False"]),
        ("args_no_hyphens", ["lr=0.1", "optimizer.name=adam", "flip=True", "mute=False"]),
        ("args_no_boolean_flags", ["--lr=0.1", "--optimizer.name=adam", "--flip"]),
        (
            "args_no_equals",
            ["--lr", "0.1", "--optimizer.name", "adam", "--flip", "True", "--mute", "False"],
        ),
        ("args_append_hydra", ["+lr=0.1", "+optimizer.name=adam", "+flip=True", "+mute=False"]),
        (
            "args_override_hydra",
            ["++lr=0.1", "++optimizer.name=adam", "++flip=True", "++mute=False"],
        ),
        ("args_json", [json.dumps(VALUES)]),
        ("args_json_file", ["/folder/arguments.json"]),
        ("interpreter", ["python"]),
        ("env", ["/usr/bin/env"]),
    ],
)
def test_macros_of_wandb_are_filled_as_its_agent_does(macro, expected):
    assert list(command(f"${{{macro}}}").command) == expected


def test_the_file_of_arguments_is_part_of_the_name():
    read = command("run", "${args_json_file}")
    assert (read.arguments, read.reads_file) == (VALUES, True)
    assert not command("run", "${args}").reads_file


def test_nested_blocks_are_one_argument_as_wandb_passes_them():
    values = {"optimizer.lr": 0.001, "optimizer.nadam.beta": 0.9, "model.width": 8}
    call = command("${args}", "{optimizer.lr}", values=values, nested=["optimizer"])
    assert call.command == (
        "--optimizer={'lr': 0.001, 'nadam': {'beta': 0.9}}",
        "--model.width=8",
        "0.001",
    )


def test_variables_of_the_shell(monkeypatch):
    monkeypatch.setenv("DATA_ROOT", "/data")
    monkeypatch.delenv("ABSENT", raising=False)
    assert command("${envvar:DATA_ROOT}/x", "${envvar:ABSENT}").command == ("/data/x", "ABSENT")
    call = command("run", environment={"DATA_ROOT": None, "RUN": "{seed}"})
    assert call.environment == {"DATA_ROOT": "/data", "RUN": "3"}


def test_a_setting_may_hold_the_seed():
    assert command("${args}", values={"random_state": "{seed}"}).command == ("--random_state=3",)


@pytest.mark.parametrize(
    ("text", "expected"), [(90, 90), ("90 s", 90.0), ("30min", 1800.0), ("1.5 d", 129_600.0)]
)
def test_durations(text, expected):
    assert seconds(text) == expected
