"""What was open before the lessons, and putting it back."""

from __future__ import annotations

from dataclasses import dataclass

from latentlab.config import DataConfig, RunConfig
from latentlab.controllers.autosave import AutosaveController
from latentlab.controllers.lesson_actions import Doing, LessonDoors
from latentlab.controllers.session_restore import SessionRestorer
from latentlab.engine.protocol.messages import CloseDataset, ImageEncoded
from latentlab.errors import InputError
from latentlab.gui.curves.panel import SHOWN_FIRST
from latentlab.gui.widgets.gesture_id import next_gesture
from latentlab.state.run_status import RunStatus
from latentlab.storage.session_file import SessionFile


@dataclass(frozen=True, eq=False)
class Before:
    """The window as it was before a lesson.

    Attributes
    ----------
    saved
        What a session keeps: model, images, latent, axes, selection, path, layers, tool, panels and more.
    data, image, run
        How the next images are read, the image of one's own, and the run.
    form
        The settings shown in the Training panel; ``None`` if they were invalid.
    strip, terms, generating
        What filmstrip, curves and Generate panel show.
    """

    saved: SessionFile
    data: DataConfig
    image: ImageEncoded | None
    run: RunStatus
    form: RunConfig | None
    strip: str
    terms: tuple[str, ...]
    generating: tuple[str, int, int]


def remember(doors: LessonDoors, autosave: AutosaveController) -> Before:
    """The window as it is."""
    session, window = doors.session, doors.window
    try:
        form = window.training_panel.config()
    except InputError:
        form = None
    return Before(
        autosave.snapshot(),
        session.data_config,
        session.encoded_image,
        session.run,
        form,
        window.filmstrip.kind(),
        tuple(window.curves.shown_terms()) or SHOWN_FIRST,
        window.generate_panel.choice(),
    )


def putting_back(doors: LessonDoors, restorer: SessionRestorer, before: Before) -> Doing:
    """Make the window what it was; a run of a lesson is stopped first."""
    session, saved = doors.session, before.saved
    if session.run_is_active:
        doors.training.stop()
        yield lambda: not session.run_is_active
    # First of all: images that are closed cannot be reconstructed.
    doors.window.filmstrip.set_kind(before.strip)
    doors.window.filmstrip.kindChosen.emit(before.strip)
    session.set_encoded_image(None)
    session.set_path(None)
    if not saved.dataset and session.dataset is not None:
        doors.engine.request(CloseDataset())
        yield lambda: session.dataset is None
    restorer.restore(saved)
    yield lambda: not restorer.is_restoring
    session.data_config = before.data
    doors.window.data_panel.set_config(before.data)
    _show_again(doors, before)
    yield lambda: True


def _show_again(doors: LessonDoors, before: Before) -> None:
    session, window, image = doors.session, doors.window, before.image
    if image is not None and image.is_drawing:
        doors.encoded_image.draw(image.image, image.path, next_gesture())
    elif image is not None:
        doors.encoded_image.open(image.path)
    session.set_run(before.run)
    if before.form is not None:
        window.training_panel.set_config(before.form, chosen=True)
    window.curves.show_terms(before.terms)
    window.generate_panel.set_choice(*before.generating)
