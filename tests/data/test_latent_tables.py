"""Tables of latents that people bring."""

import numpy as np
import pytest

from latentlab.data.latent_tables import read_latents
from latentlab.errors import InputError

Z = np.array([[-1.5, 0.25], [2.0, 3.0]], np.float32)


@pytest.mark.parametrize(
    ("text", "labels", "names"),
    [
        ("mean_1,mean_0\n0.25,-1.5\n3,2\n", None, ()),
        ("z1;z2\n-1.5;0.25\n2;3\n", None, ()),
        ("-1.5,0.25\n2,3\n", None, ()),
        ("label,mean_0,mean_1\n-1,-1.5,0.25\n7,2,3\n", [-1, 7], ()),
        ("label,mean_0,mean_1\ndog,-1.5,0.25\n,2,3\n", [0, -1], ("dog",)),
        ("mean_0,mean_1,std_0,label,class\n-1.5,0.25,9,4,dog\n2,3,9,5,cat\n", [1, 0], ("cat", "dog")),
    ],
)
def test_columns_are_found_by_name(tmp_path, text, labels, names):
    path = tmp_path / "z.csv"
    path.write_text(text)
    found = read_latents(path)
    assert np.array_equal(found.z, Z)
    assert (None if found.labels is None else found.labels.tolist()) == labels
    assert found.class_names == names


@pytest.mark.parametrize(("name", "arrays"), [("mean", {"mean": Z}), ("z", {"images": np.zeros((2, 1, 8, 8)), "z": Z})])
def test_arrays_are_found_by_name(tmp_path, name, arrays):
    np.savez(tmp_path / "z.npz", **arrays)
    assert np.array_equal(read_latents(tmp_path / "z.npz").z, Z)


def test_deviations_and_numbers_of_images_are_read_where_each_latent_has_them(tmp_path):
    path = tmp_path / "z.csv"
    path.write_text("image,mean_0,mean_1,std_1,std_0\n9,-1.5,0.25,4,3\n2,2,3,5,6\n")
    np.savez(tmp_path / "z.npz", mean=Z, std=[[3, 4], [6, 5]], index=[9, 2])
    for found in (read_latents(path), read_latents(tmp_path / "z.npz")):
        assert np.array_equal(found.z, Z)
        assert found.std.tolist() == [[3, 4], [6, 5]]
        assert found.images.tolist() == [9, 2]
    path.write_text("image,mean_0,mean_1,std_0\na.png,-1.5,0.25,4\nb.png,2,3,5\n")
    found = read_latents(path)
    assert np.array_equal(found.z, Z)
    assert (found.std, found.images) == (None, None)


def test_one_latent_is_a_row(tmp_path):
    np.save(tmp_path / "z.npy", Z[0])
    assert np.array_equal(read_latents(tmp_path / "z.npy").z, Z[:1])


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("z.csv", "", "is empty"),
        ("z.csv", "path,label\na,0\n", r"no columns mean_0, mean_1, … of latents \(columns: path, label\)"),
        ("z.csv", "mean_0,mean_2\n1,2\n", "a column of the latents is missing"),
        ("z.csv", "mean_0,mean_1\n1,2\n1,x\n", "line 3 does not have a number"),
        ("z.csv", "mean_0,mean_1\n1\n", "line 2 does not have a number"),
        ("z.npy", np.zeros((2, 3, 4)), r"float64 \[2, 3, 4\], and latents are numbers"),
        ("z.npy", np.array(["a"]), "latents are numbers"),
        ("z.npz", {"images": Z}, "no latents named mean or z"),
        ("z.npz", {"z": Z[:0]}, "z.npz has no latents: it is empty"),
        ("z.csv", "z_0,z_1\n1,2\n3,nan\n", "latent 2 of 2 in .*z.csv has a value that is not finite"),
        ("z.npz", {"mean": Z, "label": np.zeros(3, int)}, r"2 latents and labels of shape \[3\]"),
        ("z.npz", {"mean": Z, "std": Z[:1]}, r"means \[2, 2\] and standard deviations \[1, 2\]"),
        ("z.npz", {"mean": Z, "label": np.zeros(2)}, "whole numbers or names"),
        ("z.npz", {"mean": Z, "label": [0, 2], "class_names": ["a"]}, "label 2 and 1 class names"),
        ("z.npz", {"mean": np.array([None])}, "does not hold latents"),
    ],
)
def test_what_holds_no_latents_is_refused(tmp_path, name, content, why):
    path = tmp_path / name
    if isinstance(content, str):
        path.write_text(content)
    elif isinstance(content, dict):
        np.savez(path, **content)
    else:
        np.save(path, content)
    with pytest.raises(InputError, match=why):
        read_latents(path)
