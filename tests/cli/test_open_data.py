"""What commands say about the data they open."""

import json

import pytest

import latentlab
from latentlab.cli import main
from tests.cli.conftest import SMALL
from tests.data.helpers import grey, save


@pytest.fixture
def damaged(tmp_path):
    for number in range(4):
        save(tmp_path / "photos" / f"{number}.png", grey(60 * number, (8, 8)))
    (tmp_path / "photos/broken.png").write_bytes(b"broken")
    return tmp_path / "photos"


SENTENCE = "1 file left out (broken.png: not an image of a known format); see latentlab info "


@pytest.mark.parametrize("command", ["encode", "evaluate"])
def test_commands_say_what_they_leave_out_on_stderr(run, damaged, tmp_path, capsys, command):
    options = ["--out", str(tmp_path / "z.npz")] if command == "encode" else ["--importance-samples", "1", "--json"]
    assert main([command, str(run), str(damaged), *options]) == 0
    said = capsys.readouterr()
    assert said.err == f"latentlab: {SENTENCE}{damaged}\n"
    assert "left out" not in said.out
    if command == "evaluate":
        values = json.loads(said.out)
        assert values["images"] == 4
        assert [each["path"] for each in values["skipped"]] == ["broken.png"]


def test_training_warns_of_what_it_leaves_out(damaged, tmp_path, capsys):
    assert main(["train", str(damaged), "--out", str(tmp_path / "run"), "--epochs", "1", "--json", *SMALL]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert first == {"event": "warning", "message": f"{SENTENCE}{damaged}"}


def test_python_has_the_list_the_summary_and_the_warning(damaged):
    dataset = latentlab.load_dataset(damaged)
    assert [(each.path, each.kind) for each in dataset.left_out] == [("broken.png", "file")]
    assert dataset.skipped is dataset.left_out
    assert SENTENCE.startswith(dataset.left_out_summary)
    first = next(latentlab.train(dataset, epochs=1, device="cpu"))
    assert (first.event, first.message) == ("warning", dataset.left_out_summary)
