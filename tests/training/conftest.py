import pytest
import torch
from trainer_lab import load, write_digits


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("prepared") / "digits")


@pytest.fixture(scope="session")
def digits(digits_folder):
    return load(digits_folder)


@pytest.fixture(autouse=True)
def _one_thread():
    """Plans set the number of threads; each test begins with one."""
    torch.set_num_threads(1)
