"""A term that is shown explains itself by a card, and the glossary has all of them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QCursor, QHelpEvent
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton, QTabBar, QWidget

from latentlab.config.glossary import glossary
from latentlab.gui.panels.filmstrip import Filmstrip
from latentlab.gui.panels.generate import GeneratePanel
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.gui.widgets.controls import column, label
from latentlab.gui.widgets.glossary_dialog import GlossaryDialog
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.gui.widgets.term_card import TermCard, explain, set_terms


@pytest.fixture
def window(shown, themed):
    made = QWidget()
    layout = column(made)
    for name in ("Rate", "Batch size"):
        each = label(name)
        set_tool_tip(each, f"the {name} here")
        explain(each, name)
        layout.addWidget(each)
    return shown(made, 500, 400)


def rest_on(widget: QWidget, at: QPoint | None = None) -> None:
    at = widget.rect().center() if at is None else at
    QApplication.sendEvent(widget, QHelpEvent(QEvent.Type.ToolTip, at, widget.mapToGlobal(at)))


def labels_of(window) -> dict[str, QLabel]:
    return {each.text(): each for each in window.findChildren(QLabel)}


def test_a_term_shows_its_card_with_formula_and_own_tooltip(window):
    rest_on(labels_of(window)["Rate"])
    card = window.findChild(TermCard)
    assert card.isVisible()
    texts = {each.text() for each in card.findChildren(QLabel)}
    term = glossary()["rate"]
    assert {"Rate", term.formula, term.card, "the Rate here"} <= texts
    assert window.rect().contains(card.geometry())
    assert term.card in card.accessibleName()
    assert term.card in labels_of(window)["the Rate here"].window().findChild(QLabel).whatsThis()


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)  # a tooltip, offscreen
def test_other_texts_keep_their_tooltip(window):
    rest_on(labels_of(window)["Batch size"])
    assert window.findChild(TermCard) is None


def test_the_card_goes_when_the_pointer_has_left(qtbot, window):
    rest_on(labels_of(window)["Rate"])
    card = window.findChild(TermCard)
    QCursor.setPos(card.mapToGlobal(card.rect().center()))
    card.findChild(QTimer).timeout.emit()
    assert card.isVisible(), "on its way to the link"
    QCursor.setPos(window.mapToGlobal(window.rect().bottomRight()))
    qtbot.waitUntil(lambda: not card.isVisible())


def test_a_widget_with_several_terms_explains_the_one_at_the_pointer(window):
    painted = QWidget(window)
    painted.resize(100, 40)
    set_terms(painted, lambda at: ("elbo" if at.x() < 50 else "beta", QRect(0, 0, 50, 40)))
    painted.show()
    rest_on(painted, QPoint(60, 5))
    assert glossary()["beta"].card in {each.text() for each in window.findChild(TermCard).findChildren(QLabel)}


def test_the_strips_the_controls_of_generate_and_a_dimensions_kl_explain_themselves(shown, themed):
    window = QWidget()
    layout = column(window)
    strip, generate, sliders = Filmstrip(), GeneratePanel(), LatentSliders()
    sliders.set_dimensions(1)
    for each in (strip, generate, sliders):
        layout.addWidget(each)
    shown(window, 700, 600)
    tabs = strip.findChild(QTabBar, "stripKinds")
    rest_on(tabs, tabs.tabRect(0).center())
    card = window.findChild(TermCard)

    def said() -> set[str]:
        return {each.text() for each in card.findChildren(QLabel)}

    assert {glossary()["traversal"].card, tabs.tabToolTip(0)} <= said()
    for name, key in (
        ("generateFrom", "prior"),
        ("generateTemperature", "temperature"),
        ("latentKl0", "kl-per-dimension"),
    ):
        rest_on(window.findChild(QWidget, name))
        assert glossary()[key].card in said()


def test_the_link_opens_the_glossary_at_the_term(qtbot, window):
    rest_on(labels_of(window)["Rate"])
    qtbot.mouseClick(window.findChild(QPushButton, "openGlossary"), Qt.MouseButton.LeftButton)
    dialog = window.findChild(GlossaryDialog)
    assert dialog.shown_term() == "rate"
    assert not window.findChild(TermCard).isVisible()
    dialog.accept()


def test_the_glossary_is_used_by_keys(qtbot, window):
    dialog = GlossaryDialog.open_at(window)
    field = dialog.findChild(QLineEdit, "glossaryField")
    first = dialog.shown_term()
    qtbot.keyClick(field, Qt.Key.Key_Down)
    assert dialog.shown_term() == list(glossary())[1] != first
    qtbot.keyClicks(field, "elbo")
    assert dialog.shown_term() == "elbo"
    see = dialog.findChild(QPushButton, "glossarySee-rate")
    see.click()
    assert dialog.shown_term() == "rate"
    field.setText("qqqq")
    assert dialog.shown_term() == ""
    assert GlossaryDialog.open_at(window, "prior") is dialog
    assert dialog.shown_term() == "prior"
    dialog.accept()
