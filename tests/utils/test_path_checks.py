from __future__ import annotations

import pytest

from latentlab.errors import InputError
from latentlab.utils.path_checks import require_present


def test_what_is_present_passes(tmp_path):
    require_present(tmp_path)
    (tmp_path / "a").write_bytes(b"")
    require_present(str(tmp_path / "a"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent", "there is no file or folder .*absent"),
        ("file/inside", "there is no file or folder .*inside"),
        ("x" * 300, "cannot read .*xxx: file name too long"),
        ("loop", "cannot read .*loop: too many levels of symbolic links"),
        ("a\0b", "cannot read .*embedded null byte"),
    ],
)
def test_row_50_what_cannot_be_followed_is_refused_with_the_reason(tmp_path, name, message):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match=f"(?s)^{message}$"):
        require_present(f"{tmp_path}/{name}", "file or folder")
