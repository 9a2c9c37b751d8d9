"""Checkpoints: read bit for bit, and checked whole before a run is resumed (reliability row 41)."""

import numpy as np
import pytest

from latentlab.errors import InputError
from latentlab.storage import CheckpointFile, RunFolder
from tests.storage.rewrite import rewrite

KEY = "latentlab_checkpoint"
WEIGHTS = {"a.weight": np.float32([[1, -0.0], [3, 4]]), "a.count": np.int64(3).reshape(())}
MOMENTS = {
    "exp_avg": np.zeros((2, 2), np.float32),
    "exp_avg_sq": np.full((2, 2), 1e-9, np.float32),
    "step": np.float32(7).reshape(()),
}
TENSORS = {
    **{f"model.{name}": array for name, array in WEIGHTS.items()},
    **{f"best.{name}": array for name, array in WEIGHTS.items()},
    **{f"optimizer.model.a.weight/{name}": array for name, array in MOMENTS.items()},
    "random.cpu": np.arange(5056, dtype=np.uint8),
    "epoch_sums": np.float64([-12.5]),
}
POSITION = {
    "position": {
        "step": 7, "epochs_done": 1, "stale_epochs": 0, "micro_batch": 16, "seconds": 0.5, "adjustments": 0,
        "precision": "float32", "threads": 1,
    },
    "best": {"epoch": 1, "step": 4, "metrics": {"validation_elbo": -4.5}, "beta": 1.0},
    "epoch_terms": ["elbo"],
    "epoch_images": [16],
    "learning_rate": [0.001, 0.002],
    "beta": [1.0, 1.0],
    "schedule": ["constant", "cosine"],
    "epochs": [2, 3],
    "patience": [0, 0],
}  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """A run folder with a checkpoint."""
    run = RunFolder(tmp_path)
    run.write_checkpoint(CheckpointFile(POSITION, TENSORS))
    return run


def test_a_checkpoint_is_read_bit_for_bit(run):
    back = run.read_checkpoint()
    assert back.position == POSITION == run.read_position()
    assert {name: (array.shape, array.tobytes()) for name, array in back.tensors.items()} == {
        name: (array.shape, array.tobytes()) for name, array in TENSORS.items()
    }


def test_a_checkpoint_of_an_early_version_is_read(run):
    early = {name: value for name, value in POSITION.items() if name != "patience"} | {"epochs": 2, "epoch_images": 16}
    run.write_checkpoint(CheckpointFile(early, TENSORS))
    assert run.read_checkpoint().position == early


def test_a_flipped_byte_is_found(run):
    data = bytearray(run.checkpoint.read_bytes())
    data[-1] ^= 1
    run.checkpoint.write_bytes(data)
    with pytest.raises(InputError, match=r"is damaged: .*SHA-256"):
        run.read_checkpoint()


@pytest.mark.parametrize(
    ("name", "array", "why"),
    [
        ("model.a.weight", np.full((2, 2), np.nan, np.float32), "not finite"),
        ("best.a.weight", np.zeros((2, 3), np.float32), r"is float32 \[2, 3\] instead of \[2, 2\]"),
        ("best.a.weight", np.zeros((2, 2), np.float64), "is float64"),
        ("best.a.weight", None, "is missing"),
        ("best.b", np.zeros(1), "is not one of a checkpoint's"),
        ("optimizer.model.a.weight/exp_avg", np.zeros(1, np.float32), r"is float32 \[1\] instead of \[2, 2\]"),
        ("optimizer.model.a.weight/exp_avg", np.zeros((200, 200), np.float32), "instead of"),
        ("optimizer.model.a.weight/exp_avg", np.zeros((2, 2), np.float64), "is float64"),
        ("optimizer.model.a.weight/exp_avg", np.full((2, 2), np.inf, np.float32), "not finite"),
        ("optimizer.model.a.weight/exp_avg", None, "is missing"),
        ("optimizer.model.a.weight/exp_avg_sq", np.full((2, 2), -1, np.float32), "holds -1, less than 0"),
        ("optimizer.model.a.weight/step", np.zeros(2, np.float32), r"instead of \[\]"),
        ("optimizer.model.a.weight/step", np.float32(-1).reshape(()), "holds -1, less than 0"),
        ("optimizer.model.a.weight/step", np.int64(3).reshape(()), "is int64"),
        ("optimizer.model.a.weight/other", np.zeros((2, 2), np.float32), "belongs to none"),
        ("optimizer.model.b/step", np.float32(1).reshape(()), "belongs to none"),
        ("random.cpu", np.zeros((2, 2), np.uint8), "instead of"),
        ("random.cpu", np.zeros(5056, np.float32), "is float32"),
        ("epoch_sums", np.zeros(2), r"is float64 \[2\] instead of \[1\]"),
        ("epoch_sums", np.float64([np.nan]), "not finite"),
        ("epoch_sums", None, "is missing"),
        ("surprise", np.zeros(1), "is not one of a checkpoint's"),
    ],
)
def test_row_41_tensors_are_compared_with_the_parameters(run, name, array, why):
    rewrite(run.checkpoint, KEY, {name: array})
    with pytest.raises(InputError, match=f"^{run.checkpoint} is damaged: tensor .*{why}"):
        run.read_checkpoint()


def edited(**changes):
    return lambda description: description["position"].update(changes)


def progress(**changes):
    return lambda description: description["position"]["position"].update(changes)


def best(**changes):
    return lambda description: description["position"]["best"].update(changes)


@pytest.mark.parametrize(
    ("edit", "where"),
    [
        (progress(step=-1), r"position\.position\.step"),
        (progress(step=1.0), r"position\.position\.step"),
        (progress(step=True), r"position\.position\.step"),
        (progress(step=2**70), r"position\.position\.step"),
        (progress(step=0), r"position\.position\.epochs_done"),
        (progress(epochs_done=1e30), r"position\.position\.epochs_done"),
        (progress(stale_epochs=2), r"position\.position\.stale_epochs"),
        (progress(micro_batch=0), "micro_batch"),
        (progress(seconds=float("inf")), "seconds"),
        (progress(precision="float8"), "precision"),
        (progress(threads=10**6), "threads"),
        (progress(surprise=1), "surprise"),
        (best(epoch=2), r"best\.epoch"),
        (best(step=8), r"best\.step"),
        (best(metrics={"x": "y"}), "metrics"),
        (best(beta=-1.0), "beta"),
        (edited(epoch_terms=["elbo", "rate"]), "epoch_images"),
        (edited(epoch_terms="elbo"), "epoch_terms"),
        (edited(epoch_images=[-1]), "epoch_images"),
        (edited(learning_rate=[0.001]), "learning_rate"),
        (edited(learning_rate=[0.001, float("nan")]), "learning_rate"),
        (edited(learning_rate=[0.001, 1e30]), "learning_rate"),
        (edited(schedule=["constant", "x"]), "schedule"),
        (edited(epochs=[2, -3]), "epochs"),
        (edited(patience=None), "patience"),
        (lambda description: description.update(position=[]), "position"),
        (lambda description: description.pop("position"), "position"),
        (lambda description: description.update(sha256=5), "sha256"),
    ],
)
def test_row_41_positions_are_in_range(run, edit, where):
    rewrite(run.checkpoint, KEY, edit=edit)
    for read in (run.read_checkpoint, run.read_position):
        with pytest.raises(InputError, match=f"^{run.checkpoint} is damaged: {'.*' + where}"):
            read()


def test_a_header_whose_length_looks_like_a_pickle_is_read(run):
    """0x0580 bytes of header begin the file as protocol 5 of pickle begins."""
    few = {"random.cpu": np.zeros(1, np.uint8), "epoch_sums": np.zeros(1)}

    def write(length):
        run.write_checkpoint(CheckpointFile(POSITION | {"epoch_terms": ["x" * length]}, few))
        return run.checkpoint.read_bytes()[:8]

    missing = 0x0580 - int.from_bytes(write(1), "little")
    for padding in range(missing - 8, missing + 8):  # the header's own padding depends on what is in it
        if write(padding)[:2] == b"\x80\x05":
            assert run.read_checkpoint().position["epoch_terms"] == ["x" * padding]
            return
    raise AssertionError("no such length was met")
