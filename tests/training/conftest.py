import pytest
import torch

from labs.trainer import load, write_digits


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("prepared") / "digits")


@pytest.fixture(scope="session")
def digits(digits_folder):
    return load(digits_folder)


@pytest.fixture(scope="session", autouse=True)
def _one_thread_from_the_start():
    """Fixtures of a module are made before the first test's own."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _one_thread():
    """Plans set the number of threads; each test begins with one."""
    torch.set_num_threads(1)
