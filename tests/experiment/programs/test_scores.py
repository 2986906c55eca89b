"""What programs write: scores and histories in all their forms."""

import sys

import pytest

from latentlab.core.errors import UserError
from latentlab.experiment.programs.scores import read_history, read_scores

BOTH = {"validation": {"acc": 0.9}, "test": {"acc": 0.9}}


def written(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("scores.json", '{"acc": 0.9}', BOTH),
        ("scores.json", '{"val": {"acc": 1}, "test": {"acc": 0.5}}',
         {"validation": {"acc": 1.0}, "test": {"acc": 0.5}}),
        ("scores.csv", "metric,value\nacc,0.9\n", BOTH),
        ("scores.csv", "split,metric,value\ntest,acc,0.9\n", {"test": {"acc": 0.9}}),
        ("scores.csv", "acc\n0.1\n0.9\n", BOTH),
    ],
)  # fmt: skip
def test_files_of_scores(tmp_path, name, text, expected):
    assert read_scores(written(tmp_path, name, text), name) == expected


def test_scalars_of_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path / "logs")) as writer:
        for epoch, accuracy in enumerate((0.5, 0.75)):
            writer.add_scalar("accuracy/test", accuracy, epoch)
        writer.add_scalar("loss", 2.0, 0)
    scores = {"accuracy/test": 0.75, "loss": 2.0}
    assert read_scores(tmp_path, "tensorboard") == {"validation": scores, "test": scores}
    assert read_history(tmp_path, "tensorboard") == {
        "accuracy/test": [0.5, 0.75],
        "loss": [2.0, None],
    }


def test_tensorboard_without_its_package_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.backend.event_processing.event_accumulator", None)
    with pytest.raises(UserError, match=r"\.\[tensorboard\]"):
        read_scores(tmp_path, "tensorboard")


def test_a_run_that_mlflow_logged(tmp_path):
    run = tmp_path / "mlruns" / "0" / "abc"
    written(run, "meta.yaml", "")
    written(run, "metrics/acc", "1700000000000 0.5 1\n1700000000001 0.9 2\n")
    written(run, "metrics/val/loss", "1700000000000 2.0 1\n")
    scores = {"acc": 0.9, "val/loss": 2.0}
    assert read_scores(tmp_path, "mlflow") == {"validation": scores, "test": scores}
    assert read_history(tmp_path, "mlflow") == {"acc": [0.5, 0.9], "val/loss": [2.0, None]}


def test_points_that_mlflow_logged_without_a_step_stay_in_order(tmp_path):
    run = tmp_path / "mlruns" / "0" / "abc"
    written(run, "meta.yaml", "")
    # Two of one millisecond stand as they were written.
    written(run, "metrics/acc", "1700000000000 0.5 0\n1700000000001 0.9 0\n1700000000001 0.7 0\n")
    assert read_scores(tmp_path, "mlflow")["test"] == {"acc": 0.7}
    assert read_history(tmp_path, "mlflow") == {"acc": [0.7]}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"acc": NaN}', "acc is nan, no finite number"),
        ('{"acc": "good"}', "acc is 'good', no number"),
        ('{"acc": true}', "acc is True, no number"),
        ('{"all": {"acc": 1}}', "all is no split"),
        ("{}", "holds no scores"),
        ("[1]", "holds no names with numbers"),
        ("{", "is no JSON"),
        (f'{{"acc": {"9" * 5000}}}', "is no JSON"),
        (f'{{"acc": {"9" * 400}}}', "no number"),
        ("[" * 200_000, "is no JSON"),
    ],
)
def test_what_is_no_score_is_one_line(tmp_path, text, what):
    with pytest.raises(UserError, match=what):
        read_scores(written(tmp_path, "scores.json", text), "scores.json")


def test_a_link_that_leaves_the_folder(tmp_path):
    written(tmp_path, "elsewhere.json", '{"acc": 1}')
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "scores.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(UserError, match="leads out of the folder"):
        read_scores(tmp_path / "run", "scores.json")


def test_a_history_is_read_as_far_as_it_is_written(tmp_path):
    text = '{"epoch": 1, "loss": 2, "acc": 0.1}\n{"epoch": 2, "loss": NaN}\n{"epoch": 3, "lo'
    assert read_history(written(tmp_path, "h.jsonl", text), "h.jsonl") == {
        "loss": [2.0, None],
        "acc": [0.1, None],
    }
    table = "epoch,loss\n1,2.5\n2,\n"
    assert read_history(written(tmp_path, "h.csv", table), "h.csv") == {"loss": [2.5, None]}
    assert read_history(tmp_path, "absent.jsonl") == {}
