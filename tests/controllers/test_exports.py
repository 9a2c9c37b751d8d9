"""Pictures that the window writes: whole or not at all, and never over what is open."""

from __future__ import annotations

import pytest
from PIL import Image
from PySide6.QtGui import QImage

from latentlab.config import DataConfig
from latentlab.config.info import DatasetInfo
from latentlab.controllers.exports import save_picture
from latentlab.errors import InputError
from tests.controllers.conftest import model_info


@pytest.fixture
def picture(qapp):
    picture = QImage(4, 3, QImage.Format.Format_RGB32)
    picture.fill(0xFF336699)
    return picture


@pytest.fixture
def with_inputs(session, tmp_path):
    """A session with a model and a folder of one image."""
    (tmp_path / "images").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "images" / "a.png")
    (tmp_path / "m.safetensors").write_bytes(b"weights")
    session.set_model(model_info(path=str(tmp_path / "m.safetensors")), 1, True)
    folder = str(tmp_path / "images")
    session.set_dataset(DatasetInfo("i", folder, 1, (1, 8, 8), (), (), 1, 0, (), 0, DataConfig(), 64))
    return session


@pytest.mark.parametrize("name", ["images/a.png", "m.safetensors"])
def test_what_is_open_is_never_written_over(with_inputs, picture, tmp_path, name):
    before = (tmp_path / name).read_bytes()
    with pytest.raises(InputError, match="is an input of this command"):
        save_picture(str(tmp_path / name), picture, with_inputs)
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize("name", ["map.png", "images/new.png", "map.jpg", "map"])
def test_other_files_are_written_whole(with_inputs, picture, tmp_path, name):
    save_picture(str(tmp_path / name), picture, with_inputs)
    with Image.open(tmp_path / name) as found:
        assert found.size == (4, 3)
        assert abs(found.convert("RGB").getpixel((1, 1))[2] - 0x99) < 3
    assert not list(tmp_path.glob(".*tmp"))


def test_a_name_of_no_picture_and_a_folder_that_is_gone_are_one_sentence(with_inputs, picture, tmp_path):
    with pytest.raises(InputError, match=r"x\.csv: its name must end in \.png or \.jpg"):
        save_picture(str(tmp_path / "x.csv"), picture, with_inputs)
    with pytest.raises(InputError, match=r"the folder .* does not exist"):
        save_picture(str(tmp_path / "gone" / "x.png"), picture, with_inputs)
