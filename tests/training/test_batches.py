"""The order, the conversion and the binarisation of batches."""

import numpy as np
import torch

from latentlab.training.batches import BatchLoader

CPU = torch.device("cpu")


def loader(count=10, batch_size=4, seed=0, **options):
    """Image i has the value i and the label i; all but image 0 are training images."""
    images = np.arange(count, dtype=np.uint8).repeat(64).reshape(count, 1, 8, 8)
    return BatchLoader(images, np.arange(count), np.arange(1, count), batch_size, CPU, seed, **options)


def epoch(loader, number, first=0):
    return [indices.tolist() for indices, _ in loader.epoch(number, first)]


def test_an_epoch_has_every_training_image_once():
    batches = epoch(loader(), 0)
    assert [len(batch) for batch in batches] == [4, 4, 1]
    assert loader().steps_per_epoch == 3
    assert sorted(index for batch in batches for index in batch) == list(range(1, 10))


def test_the_order_depends_only_on_seed_and_epoch():
    torch.manual_seed(1)
    expected = epoch(loader(), 3)
    torch.manual_seed(2)
    assert epoch(loader(), 3) == expected
    assert epoch(loader(), 4) != expected
    assert epoch(loader(seed=1), 3) != expected
    assert epoch(loader(), 3, first=1) == expected[1:]


def test_a_batch_has_pixels_labels_and_positions():
    batches = loader()
    for indices, positions in batches.epoch(0):
        batch = batches.load(indices, positions)
        assert batch.x.dtype == torch.float32
        assert torch.equal((batch.x[:, 0, 0, 0] * 255).round().long(), indices)
        assert torch.equal(batch.label, indices)
        assert torch.equal(batch.index + 1, indices)  # the training set begins at image 1


def test_the_first_images_are_those_of_the_first_batch():
    batches = loader()
    indices, _ = next(batches.epoch(0))
    assert torch.equal(batches.load_first().label, indices)
    assert torch.equal(batches.load_first(2).label, indices[:2])


def test_static_pixels_are_drawn_once_and_dynamic_ones_at_every_use():
    static, dynamic = loader(256, 255, binarise="static"), loader(256, 255, binarise="dynamic")
    for batches, same in ((static, True), (dynamic, False)):
        indices, positions = next(batches.epoch(0))
        one, other = batches.load(indices, positions).x, batches.load(indices, positions).x
        assert set(one.unique().tolist()) == {0.0, 1.0}
        assert torch.equal(one, other) == same
        assert torch.allclose(one.mean((1, 2, 3)), indices / 255, atol=0.35)
    again, other_seed = loader(256, binarise="static"), loader(256, binarise="static", static_seed=5)
    assert torch.equal(static.gather(np.arange(256))[0], again.gather(np.arange(256))[0])
    assert not torch.equal(static.gather(np.arange(256))[0], other_seed.gather(np.arange(256))[0])


def test_varied_images_are_mirrored_and_moved_in_training_only():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (200, 3, 6, 7)).astype(np.uint8)
    batches = BatchLoader(images, None, np.arange(200), 200, CPU, 0, mirror=True, shift=1)
    indices, positions = next(batches.epoch(0))
    x = batches.load_varied(indices, positions).x
    plain = batches.load(indices, positions).x
    assert torch.equal(plain, torch.from_numpy(images)[indices] / 255)
    padded = torch.nn.functional.pad(plain, (1, 1, 1, 1), mode="replicate")
    found = []
    for image, wide in zip(x, padded, strict=True):
        variants = {
            (mirrored, row, column): part.flip(-1) if mirrored else part
            for mirrored in (False, True)
            for row in range(3)
            for column in range(3)
            for part in [wide[:, row : row + 6, column : column + 7]]
        }
        found += [name for name, variant in variants.items() if torch.equal(variant, image)]
    assert len(found) == 200, "every image is one of its variants"
    assert len(set(found)) == 18, "each variant occurs"
    assert not torch.equal(x, batches.load_varied(indices, positions).x)


def test_images_that_are_not_to_be_varied_take_no_random_numbers():
    batches = loader()
    indices, positions = next(batches.epoch(0))
    torch.manual_seed(0)
    assert torch.equal(batches.load_varied(indices, positions).x, batches.load(indices, positions).x)
    drawn = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(drawn, torch.rand(1))
