"""``latentlab neighbours``: the images whose latents are nearest to one."""

from __future__ import annotations

import argparse

import numpy as np

from latentlab.cli.console import write_json, write_line, write_note
from latentlab.cli.encode_decode import label_index
from latentlab.cli.latent_arguments import class_to_decode, encoded_image, of_model, parse_latent
from latentlab.cli.open_data import model_and_data
from latentlab.latent.copies import memorisation
from latentlab.latent.search import neighbours as find_neighbours
from latentlab.utils.text import pluralize


def neighbours(arguments: argparse.Namespace) -> int:
    """List the k nearest images with their distances, and how near the decoded image comes to a real one."""
    given = None if arguments.z is None else parse_latent(arguments.z)
    model, dataset, labels = model_and_data(arguments)
    label = label_index(arguments.label, model)
    z = encoded_image(arguments.image, model, label, arguments.levels) if given is None else of_model(given, model)
    mean, _ = model.encode(dataset.images, labels)
    index, distance = find_neighbours(mean, z, arguments.k)
    if arguments.k > len(index):
        write_note(f"latentlab: -k {arguments.k:,}: there are only {pluralize(len(index), 'image')}")
    rows = [
        {"path": dataset.paths[row], "index": row, "distance": away}
        for row, away in zip(index.tolist(), distance.tolist(), strict=True)
    ]
    if arguments.json:
        write_json(rows)
        return 0
    for row in rows:
        write_line(f"{row['distance']:.4f}  {row['path']}")
    found = memorisation(model.decode(z[None], class_to_decode(label, model)), dataset.images)
    nearest = dataset.paths[int(found.index[0])]
    if not np.isfinite(found.typical):
        sentence = f"in pixels {nearest} is the nearest image to the decoded one"
    elif found.is_copy[0]:
        sentence = f"the decoded image is a copy of {nearest}: {found.ratio[0]:.2f} × the typical distance of images"
    else:
        sentence = (
            f"the decoded image is no copy: in pixels it is {found.ratio[0]:.2f} × the typical distance from "
            f"{nearest}, the nearest"
        )
    write_line(f"note: {sentence}")
    return 0
