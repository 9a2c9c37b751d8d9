"""The Board's items are written into a session and come back as they were."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.engine.protocol.messages import ImageGroup, Ranking
from latentlab.state.board import BoardItem, Direction, DirectionQuery, Latent, Path
from latentlab.state.board_entries import entries_of, items_of
from latentlab.state.selection import Selection
from latentlab.storage.session_file import SessionFile, read_session, write_session

Z = np.array([0.1, -2.5, 1e-7], np.float32)
ITEMS = (
    BoardItem("Latent \udcff", Latent(Z, 3), "in m", "m.safetensors", 3),
    BoardItem(
        "a − b", Direction(Z, Z[::-1].copy(), 2.0, 3.1, 0.0, 0.1, 0.02, 0.95, r2=0.5), "how", "m", 3, has_slider=True
    ),
    BoardItem("PC", Direction(Z, Z, explained=0.25), "", "m", 3),
    BoardItem("Path", Path(np.stack([Z, 2 * Z]), "spherical", is_closed=True), "", "m", 3),
    BoardItem("Few", Selection(np.array([3, 4, 900_000]), "finger", "lasso"), "3 images", tag="mine"),
)


def values_of(item: BoardItem) -> dict:
    content = {
        name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(item.content).items()
    }
    return {**vars(item), "content": (type(item.content), content)}


def test_every_kind_of_item_comes_back_from_a_file(tmp_path):
    entries, left_out = entries_of(ITEMS)
    assert left_out == ()
    write_session(tmp_path / "s.latentlab.json", SessionFile(board=entries))
    again = items_of(read_session(tmp_path / "s.latentlab.json").board)
    assert [values_of(item) for item in again] == [values_of(item) for item in ITEMS]
    assert [type(item.content.images.dtype) for item in again[-1:]] == [np.dtypes.Int64DType]


def test_a_selection_keeps_the_order_of_its_ranking(tmp_path):
    ranking = Ranking("elbo", np.array([9, 2, 700_000]), np.array([-300.5, -2.25, 1], np.float32), 5)
    kept = BoardItem("Worst", Selection(np.array([2, 700_000]), "f", "3 least likely − click", ranking))
    entries, _ = entries_of([kept])
    write_session(tmp_path / "s.latentlab.json", SessionFile(board=entries))
    (again,) = items_of(read_session(tmp_path / "s.latentlab.json").board)
    found = again.content.ranking
    assert (found.by, found.images.tolist(), found.compared) == ("elbo", [9, 2, 700_000], 5)
    assert found.values.tolist() == [-300.5, -2.25, 1]
    assert again.content.ordered.tolist() == [2, 700_000]


def test_a_direction_keeps_what_it_was_found_from(tmp_path):
    some, others = ImageGroup(np.array([2, 5])), ImageGroup(label=3, are_others=True)
    against = np.stack([Z, 2 * Z])
    query = DirectionQuery("from b to a", "finger", ("a", "b"), some, others, "", against)
    entries, _ = entries_of([BoardItem("d", Direction(Z, Z, query=query), latent_dim=3, weights="0a" * 32)])
    write_session(tmp_path / "s.latentlab.json", SessionFile(board=entries))
    (again,) = items_of(read_session(tmp_path / "s.latentlab.json").board)
    found = again.content.query
    assert (found.words, found.fingerprint, found.classes, found.column) == ("from b to a", "finger", ("a", "b"), "")
    assert (found.a.images.tolist(), found.a.label, found.a.are_others) == ([2, 5], None, False)
    assert (found.b.images, found.b.label, found.b.are_others) == (None, 3, True)
    assert found.against.tolist() == against.tolist()
    assert again.weights == "0a" * 32


def test_of_a_long_ranking_the_selected_images_are_kept_in_order_or_their_loss_is_said(monkeypatch):
    monkeypatch.setattr("latentlab.state.board_entries._MOST_RANKED", 3)
    ranking = Ranking("elbo", np.array([9, 2, 7, 1, 4]), np.array([-9, -8, -7, -6, -5], np.float32))
    few = BoardItem("Few", Selection(np.array([1, 2, 9]), "f", "", ranking))
    entries, left_out = entries_of([few])
    (again,) = items_of(SessionFile(board=entries).board)
    assert (again.content.ranking.images.tolist(), left_out) == ([9, 2, 1], ())
    assert again.content.ranking.values.tolist() == [-9, -8, -6]
    many = BoardItem("Many", Selection(np.array([1, 2, 4, 9]), "f", "", ranking))
    entries, left_out = entries_of([many])
    assert len(entries) == 1
    assert "the order of Many of the Board cannot be kept: it ranks more than 3 images" in left_out[0]


def test_an_item_is_encoded_once():
    (first,), _ = entries_of(ITEMS[:1])
    (again,), _ = entries_of(ITEMS[:1])
    assert again is first


def test_scores_that_are_not_finite_are_kept_as_very_large():
    (entry,), _ = entries_of([BoardItem("d", Direction(Z, Z, score=float("inf")), latent_dim=3)])
    (item,) = items_of(SessionFile(board=(entry,)).board)
    assert item.content.verdict.startswith("separates well: d = > 1,000")


@pytest.mark.parametrize("most", ["MOST_IMAGES", "MOST_TEXT", "MOST_ITEMS"])
def test_what_is_too_large_is_left_out_by_name_and_the_rest_is_kept(monkeypatch, most):
    monkeypatch.setattr(
        f"latentlab.state.board_entries.{most}", {"MOST_IMAGES": 2, "MOST_TEXT": 40, "MOST_ITEMS": 1}[most]
    )
    large = BoardItem("Large", Selection(np.arange(0, 90_000, 9000), ""))
    items = (ITEMS[0], large) if most != "MOST_IMAGES" else (large, ITEMS[0])
    entries, left_out = entries_of(items)
    assert [entry.name for entry in entries] == ["Latent \udcff"]
    assert left_out == ("Large of the Board cannot be kept: it is too large",)
