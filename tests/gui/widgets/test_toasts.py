"""Notifications: information disappears, errors stay, and their number is bounded."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit, QPushButton, QWidget

from latentlab.gui.widgets import toasts
from latentlab.gui.widgets.toasts import MAX_CARDS, Card, ClickGuard, Toasts


@pytest.fixture
def cards(shown) -> Toasts:
    host = shown(QWidget(), 600, 500)
    return Toasts(host)


def press(qtbot, cards, name):
    qtbot.mouseClick(cards.findChild(object, name), Qt.MouseButton.LeftButton)


def test_information_disappears_and_errors_stay(qtbot, cards, monkeypatch):
    monkeypatch.setattr(toasts, "SECONDS", 0.05)
    cards.notify("error", "It broke.")
    cards.notify("info", "Saved.")
    assert cards.messages() == ["It broke.", "Saved."]
    qtbot.waitUntil(lambda: cards.messages() == ["It broke."])
    press(qtbot, cards, "dismissNotification")
    assert cards.messages() == []
    assert not cards.isVisible()


def test_their_number_is_bounded_and_errors_outlast_information(cards):
    cards.notify("info", "first")
    for index in range(MAX_CARDS):
        cards.notify("error", f"error {index}")
    assert cards.messages() == [f"error {index}" for index in range(MAX_CARDS)]


def test_an_important_message_stays_until_it_is_dismissed(qtbot, cards):
    cards.notify("warning", "The settings were reset.", important=True)
    for index in range(3 * MAX_CARDS):
        cards.notify("error", f"error {index}")
    assert cards.messages() == ["The settings were reset.", "error 9", "error 10", "error 11"]
    press(qtbot, cards, "dismissNotification")
    assert cards.messages() == ["error 9", "error 10", "error 11"]


def test_important_information_does_not_disappear(qtbot, cards, monkeypatch):
    monkeypatch.setattr(toasts, "SECONDS", 0.02)
    cards.notify("info", "The defaults were restored.", important=True)
    cards.notify("info", "Saved.")
    qtbot.waitUntil(lambda: cards.messages() == ["The defaults were restored."])


def test_more_important_messages_than_fit_are_shown_in_turn_and_leave_room_for_others(cards):
    lost = [cards.notify("warning", f"lost {index}", important=True) for index in range(6)]
    cards.notify("warning", "lost 4", important=True)
    cards.notify("info", "Saved.")
    assert cards.messages() == ["lost 0", "lost 1", "lost 2", "Saved."]
    lost[3].withdraw()  # its cause is gone before it was shown
    visible(cards)[1].dismissed.emit()
    assert cards.messages() == ["lost 0", "lost 2", "Saved.", "lost 4"]
    (repeated,) = (card for card in visible(cards) if card.message == "lost 4")
    assert any("2×" in label.text() for label in repeated.findChildren(QLabel))
    visible(cards)[0].dismissed.emit()
    assert cards.messages() == ["lost 2", "Saved.", "lost 4", "lost 5"]
    cards.clear()
    assert cards.messages() == []
    assert not cards.isVisible()


def test_the_number_of_waiting_messages_is_bounded(cards):
    for index in range(100):
        cards.notify("warning", f"lost {index}", important=True)
    shown = []
    while cards.messages():
        shown += cards.messages()[:1]
        visible(cards)[0].dismissed.emit()
    assert shown == [f"lost {index}" for index in range(toasts.MAX_IMPORTANT + toasts.MAX_WAITING)]


def test_a_repeated_message_is_counted(cards):
    for _ in range(3):
        cards.notify("warning", "No disk space.")
    assert cards.messages() == ["No disk space."]
    assert any("3×" in label.text() for label in cards.findChildren(QLabel))


def test_details_unfold_and_are_copied(qtbot, cards):
    cards.notify("error", "It broke.", "line 1\nline 2")
    details = cards.findChild(QPlainTextEdit)
    assert not details.isVisible()
    before = cards.height()
    press(qtbot, cards, "notificationDetails")
    assert details.isVisible()
    assert cards.height() > before
    press(qtbot, cards, "copyDetails")
    assert QGuiApplication.clipboard().text() == "It broke.\n\nline 1\nline 2"


def test_an_action_runs_and_removes_its_card(qtbot, cards):
    done = []
    cards.notify("error", "The worker ended.", actions=[("Continue from checkpoint", lambda: done.append(True))])
    press(qtbot, cards, "notificationAction0")
    assert done == [True]
    assert cards.messages() == []


def visible(cards: Toasts) -> list[Card]:
    """The cards shown, oldest first."""
    return [card for card in cards.findChildren(Card) if card.isVisible()]


def lower_edges(cards: Toasts) -> dict[str, int]:
    """Where each card's lower edge is in the window."""
    return {card.message: card.mapTo(cards.parentWidget(), card.rect().bottomLeft()).y() for card in visible(cards)}


def test_neither_a_new_nor_a_removed_card_moves_others_under_the_pointer(qtbot, cards):
    cards.notify("error", "It broke.", actions=[("Go on", lambda: None)])
    first = lower_edges(cards)
    cards.notify("warning", "The disk is almost full, and this text needs more than one line of a card.")
    both = lower_edges(cards)
    assert both["It broke."] == first["It broke."]
    assert len({*both.values()}) == 2
    qtbot.mouseMove(visible(cards)[0], QPoint(20, 20))
    qtbot.waitUntil(cards.underMouse)
    visible(cards)[0].dismissed.emit()
    assert lower_edges(cards).items() <= both.items()
    cards.notify("info", "Saved.")
    assert lower_edges(cards)["Saved."] == first["It broke."], "the gap is taken first"
    visible(cards)[1].dismissed.emit()
    qtbot.mouseMove(cards.parentWidget(), QPoint(5, 5))
    qtbot.waitUntil(lambda: not cards.underMouse())
    (left,) = lower_edges(cards).values()
    assert left == first["It broke."], "gaps close once the pointer has left"


def test_cards_stay_inside_the_corner(cards):
    cards.notify("error", "It broke.")
    host = cards.parentWidget()
    host.resize(900, 700)
    assert host.rect().contains(cards.geometry())
    assert cards.geometry().left() < host.width() * 0.1
    assert cards.width() <= host.width() / 3
    assert cards.geometry().bottom() > host.height() * 0.9


def test_clicks_beside_and_between_the_cards_reach_what_is_under_them(qtbot, cards):
    host = cards.parentWidget()
    host.resize(900, 700)
    first = cards.notify("error", "It broke.")
    cards.notify("warning", "The disk is almost full, and this text needs more than one line of a card.")
    cards.notify("info", "Saved.")
    between = cards.mapTo(host, visible(cards)[1].geometry().center())
    qtbot.mouseMove(visible(cards)[0], QPoint(20, 20))
    qtbot.waitUntil(cards.underMouse)
    visible(cards)[1].dismissed.emit()  # the others stay in place while the pointer is over them
    assert host.childAt(between) is None
    assert host.childAt(cards.geometry().right() + 5, cards.geometry().center().y()) is None
    assert cards.isAncestorOf(host.childAt(cards.mapTo(host, visible(cards)[0].geometry().center())))
    first.withdraw()


def test_no_more_cards_are_shown_than_there_is_room_for(cards):
    host = cards.parentWidget()
    host.resize(460, 400)
    seen = set()
    for index in range(4):
        cards.notify("error", f"error {index}: the images have another shape than the model.", "traceback")
    assert cards.messages()[-1].startswith("error 3")
    assert 1 <= len(cards.messages()) < 4
    assert host.rect().contains(cards.geometry())
    while cards.messages():
        seen.update(cards.messages())
        visible(cards)[-1].dismissed.emit()
    assert len(seen) == 4, "the others are shown when there is room"


def test_a_long_path_does_not_widen_a_card_and_is_in_the_tooltip(cards):
    path = "/home/someone/" + "a-very-long-folder/" * 5 + "model.safetensors"
    cards.notify("info", f"Saved {path}")
    (text,) = [each for each in cards.findChildren(QLabel) if each.text().startswith("Saved")]
    assert text.text() == "Saved …r/model.safetensors"
    assert text.toolTip().replace("\n", " ") == f"Saved {path}"


def test_a_card_can_be_withdrawn(cards):
    disk = cards.notify("error", "the disk is full")
    cards.notify("warning", "another message")
    disk.withdraw()
    disk.withdraw()
    assert cards.messages() == ["another message"]


def test_yours_a_notice_that_names_what_it_copies_copies_only_that(qtbot, cards):
    """Promise Yours: a copied command can be pasted as it is, and is the last one that was made."""
    for command in ("latentlab train a", "latentlab train b"):
        cards.notify("info", "Copied the command", command, copied=command)
        press(qtbot, cards, "copyDetails")
        assert QGuiApplication.clipboard().text() == command
    assert cards.messages() == ["Copied the command"]


def test_withdrawing_a_card_keeps_another_with_the_same_text(cards):
    first = cards.notify("warning", "Restore the session?", actions=[("Restore", lambda: None)])
    cards.notify("warning", "Restore the session?", actions=[("Restore", lambda: None)])
    first.withdraw()
    assert cards.messages() == ["Restore the session?"]


def test_a_click_on_a_card_that_disappears_goes_nowhere_else(qtbot, shown):
    host = shown(QWidget(), 600, 500)
    below = QPushButton("below", host)
    below.setGeometry(host.rect())
    below.show()
    clicks: list[bool] = []
    below.clicked.connect(clicks.append)
    cards = Toasts(host)
    cards.notify("info", "Saved.")
    (card,) = visible(cards)
    place = card.mapTo(host, card.rect().center())
    card.expired.emit()
    assert cards.messages() == []
    guard = host.childAt(place)
    assert isinstance(guard, ClickGuard)
    qtbot.mouseClick(guard, Qt.MouseButton.LeftButton)
    assert clicks == []
    qtbot.waitUntil(lambda: host.childAt(place) is below)


def test_a_card_under_the_pointer_stays(qtbot, cards, monkeypatch):
    monkeypatch.setattr(toasts, "SECONDS", 0.05)
    cards.notify("info", "first")
    cards.notify("info", "second")
    first, _second = visible(cards)
    centre = QPointF(first.rect().center())
    QApplication.sendEvent(first, QEnterEvent(centre, centre, centre))
    qtbot.waitUntil(lambda: cards.messages() == ["first"])
    QApplication.sendEvent(first, QEvent(QEvent.Type.Leave))
    qtbot.waitUntil(lambda: cards.messages() == [])
