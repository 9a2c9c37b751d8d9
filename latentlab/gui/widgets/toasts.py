"""Notifications as cards in a corner of the window, which never take the focus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QEvent, QMargins, QObject, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QEnterEvent, QGuiApplication, QRegion
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from latentlab.gui.style.icons import pixmap
from latentlab.gui.style.theme import SPACE, current_theme
from latentlab.gui.widgets.controls import button, label, named, row, tool_button
from latentlab.gui.widgets.elided_label import ElidedButton
from latentlab.gui.widgets.plain_text import PlainTextView, set_tool_tip
from latentlab.utils.plain_text import as_line

MAX_CARDS = 4
MAX_IMPORTANT = MAX_CARDS - 1  # shown at once: a place is left for the newest of the others
MAX_WAITING = 50
_MESSAGE = 600  # letters of a message; the whole text is in the log
_SHOWN = 160  # letters of it that are on the card; its tooltip and its details have all
_WORD = 20  # letters of a word that fit the narrowest card; the end of a longer one, such as a path, is shown
SECONDS = 6.0
GUARD_MS = 300  # a hand on its way to a card that disappears cannot stop sooner
WIDTH = 320  # px, and at most a third of what the cards are over
Actions = Sequence[tuple[str, Callable[[], object]]]
_COLOURS = {"info": "accent", "warning": "warning", "error": "error"}


class Card(QFrame):
    """One message, with details that unfold and buttons for actions.

    Signals
    -------
    dismissed
        It was closed.
    expired
        Its time is up.
    resized
        Its details were folded or unfolded.
    """

    dismissed = Signal()
    expired = Signal()
    resized = Signal()

    def __init__(
        self,
        level: str,
        message: str,
        details: str,
        actions: Actions,
        parent: QWidget,
        copied: str = "",
        is_important: bool = False,
        seconds: float = 0.0,
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setObjectName("notificationCard")
        self.setAccessibleName(f"{level}: {message}")
        self.level, self.message, self.is_important, self._count = level, message, is_important, 1
        self._details_text, self._copied = details, copied
        if details and len(message) > _SHOWN:
            details = f"{message}\n\n{details}"
        self._icon = label()
        self._text = label(_shortened(message), wrap=True, selectable=True)
        set_tool_tip(self._text, message)
        self._close = tool_button("dismissNotification", "dismiss", "Dismiss", "close")
        self._close.clicked.connect(self.dismissed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE + 4, SPACE // 2, SPACE // 2, SPACE)
        layout.setSpacing(SPACE // 2)
        layout.addLayout(row(self._icon, None, self._close))
        layout.addWidget(self._text)
        self._details = PlainTextView(details)
        self._details.setProperty("role", "mono")
        self._details.setFixedHeight(112)
        self._details.setAccessibleName("details")
        self._details.hide()
        layout.addWidget(self._details)
        self._add_buttons(layout, actions)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(round((seconds or SECONDS) * 1000))
        self._timer.timeout.connect(self.expired)
        self._disappears = seconds > 0 or (level == "info" and not actions and not is_important)
        if self._disappears:
            self._timer.start()
        self._draw_icon()

    def _add_buttons(self, layout: QVBoxLayout, actions: Actions) -> None:
        buttons: list[QWidget | None] = [None]
        if self._details_text:
            self._more = button("notificationDetails", "Details", "Show the details", self._on_details, link=True)
            buttons += [
                self._more,
                button("copyDetails", "Copy", self._copy_tip(), self._on_copy, link=True),
            ]
        if len(buttons) > 1:
            layout.addLayout(row(*buttons))
        for index, (text, callback) in enumerate(actions):
            action = ElidedButton()
            named(action, f"notificationAction{index}", text, text)
            action.set_text(text)
            action.clicked.connect(self._then_dismiss(callback))
            layout.addWidget(action)

    def _copy_tip(self) -> str:
        return "Copy the details" if self._copied else "Copy message and details"

    def count_again(self, details: str, copied: str) -> None:
        """Count a repetition of the message, and show its details."""
        self._count += 1
        if self._details_text and details:
            self._details_text, self._copied = details, copied
            self._details.setPlainText(details)
        self._text.setText(f"{_shortened(self.message)}  ({self._count}×)")
        if self._timer.isActive():
            self._timer.start()

    def _then_dismiss(self, callback: Callable[[], object]) -> Callable[[], None]:
        def act() -> None:
            self.dismissed.emit()
            callback()

        return act

    def _on_details(self) -> None:
        shown = self._details.isHidden()
        self._details.setVisible(shown)
        self._more.setText("Hide" if shown else "Details")
        self._timer.stop()
        self.resized.emit()

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._copied or f"{self.message}\n\n{self._details_text}")

    def _draw_icon(self) -> None:
        colour = getattr(current_theme(), _COLOURS[self.level])
        drawn = pixmap(self.level, colour, round(18 * self.devicePixelRatioF()))
        drawn.setDevicePixelRatio(self.devicePixelRatioF())
        self._icon.setPixmap(drawn)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Stop the timer while the pointer is over the card."""
        self._timer.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Start the timer again."""
        if self._disappears and self._details.isHidden():
            self._timer.start()
        super().leaveEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Recolour with the palette."""
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_timer"):
            self._draw_icon()
        super().changeEvent(event)


class ClickGuard(QWidget):
    """Takes the clicks in a part of the window for a moment, where a card has just disappeared by itself."""

    def __init__(self, geometry: QRect, host: QWidget) -> None:
        super().__init__(host)
        self.setAttribute(Qt.WidgetAttribute.WA_NoMousePropagation)
        self.setGeometry(geometry)
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(self.deleteLater)
        timer.start(GUARD_MS)


class Notification:
    """The handle of a card, with which it is withdrawn when its cause is gone."""

    def __init__(self, remove: Callable[[], None]) -> None:
        self._remove = remove

    def withdraw(self) -> None:
        """Remove the card, if it is still shown."""
        self._remove()


def _shortened(message: str) -> str:
    """The message as it fits a narrow card: not too long, and with the ends of long words."""
    words = (word if len(word) <= _WORD else f"…{word[1 - _WORD :]}" for word in message.split(" "))
    return as_line(" ".join(words), _SHOWN)


class Toasts(QWidget):
    """Cards over the lower left corner of a widget: information disappears after a while, warnings and errors stay.

    At most four are shown, and no more than there is room for; information is removed first. An important message is
    never removed for another: it stays until it is dismissed, at most three are shown, and further ones wait for their
    turn in order. A repeated message is counted on its card. A new card is placed above the others, and no card moves
    while the pointer is over them, so that a button about to be clicked stays in place. The widget is only where its
    cards are, at most a third as wide as what they are over: a click beside and between them reaches the map.

    Parameters
    ----------
    host
        The window.
    over
        The widget whose corner they are in; the window if ``None``.
    margins
        Parts of that widget which they leave free.

    Signals
    -------
    notified(level, message, details)
        A notification was shown, counted again, or put into the queue.
    """

    notified = Signal(str, str, str)

    def __init__(self, host: QWidget, over: QWidget | None = None, margins: QMargins | None = None) -> None:
        super().__init__(host)
        self.setObjectName("notifications")
        self.setAccessibleName("notifications")
        self._host, self._over = host, over or host
        self._margins = margins or QMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        self._cards: list[Card] = []
        self._waiting: list[Card] = []  # important ones that have not been shown yet, oldest first
        self._lifts: dict[Card, int] = {}  # px from the corner up to each card's lower edge
        self._is_hovered = False
        self._over.installEventFilter(self)
        self.hide()

    def notify(
        self,
        level: str,
        message: str,
        details: str = "",
        actions: Actions = (),
        copied: str = "",
        important: bool = False,
        seconds: float = 0.0,
    ) -> Notification:
        """Show a card, and return the handle that withdraws it.

        Parameters
        ----------
        level
            ``info``, ``warning`` or ``error``.
        message
            One sentence.
        details
            Text that can be unfolded and copied.
        actions
            Text and callback of each button; a click removes the card.
        copied
            Text for its Copy button; message and details if empty.
        important
            Whether it must be seen, such as that work or settings were lost: it stays until it is dismissed.
        seconds
            After which it disappears although it has buttons: what it offers is also in a menu.
        """
        message = as_line(message, _MESSAGE)
        self.notified.emit(level, message, details)
        for card in (*self._cards, *self._waiting):
            if (card.level, card.message) == (level, message) and not actions and card.is_important >= important:
                card.count_again(details, copied)
                self._lay_out()
                return Notification(partial(self._dismiss, card))
        card = Card(level if level in _COLOURS else "info", message, details, actions, self, copied, important, seconds)
        card.dismissed.connect(lambda: self._dismiss(card))
        card.expired.connect(lambda: self._on_expired(card))
        card.resized.connect(self._lay_out)
        if important and sum(each.is_important for each in self._cards) >= MAX_IMPORTANT:
            card.hide()
            self._waiting.append(card)
            if len(self._waiting) > MAX_WAITING:
                self._remove(self._waiting[-1])
        else:
            self._show(card)
        return Notification(partial(self._dismiss, card))

    def _show(self, card: Card) -> None:
        """Show a card, in the place of others if there are too many."""
        while len(self._cards) >= MAX_CARDS or not self._has_room_for(card):
            others = [each for each in self._cards if not each.is_important]
            if not others:
                break
            before = next((each for each in others if each.level == "info"), others[0])
            if before.level == "info" or len(self._cards) >= MAX_CARDS:
                self._remove(before)
            else:  # a warning or an error is shown again when there is room
                self._take_away(before)
                self._waiting.insert(0, before)
        self._cards.append(card)
        self._lifts[card] = self._free_lift(card)
        card.show()
        self._lay_out()

    def messages(self) -> list[str]:
        """The messages shown, oldest first."""
        return [card.message for card in self._cards]

    def clear(self) -> None:
        """Remove every card."""
        for card in (*self._waiting, *self._cards):
            self._remove(card)

    def _on_expired(self, card: Card) -> None:
        """Remove a card whose time is up; a click already on its way to it goes nowhere."""
        if card in self._cards:
            guard = ClickGuard(QRect(card.mapTo(self._host, QPoint(0, 0)), card.size()), self._host)
            guard.show()
        self._dismiss(card)

    def _dismiss(self, card: Card) -> None:
        """Remove a card, and show one that has waited."""
        self._remove(card)
        self._show_waiting()

    def _remove(self, card: Card) -> None:
        if card in self._waiting:
            self._waiting.remove(card)
            card.deleteLater()
        elif card in self._cards:
            self._take_away(card)
            card.deleteLater()
            self._lay_out()

    def _take_away(self, card: Card) -> None:
        self._cards.remove(card)
        del self._lifts[card]
        card.hide()

    def _show_waiting(self) -> None:
        """Show the first of the waiting cards that may be shown now."""
        is_full = sum(each.is_important for each in self._cards) >= MAX_IMPORTANT
        for card in self._waiting:
            if not is_full if card.is_important else len(self._cards) < MAX_CARDS and self._has_room_for(card):
                self._waiting.remove(card)
                self._show(card)
                return

    def _has_room_for(self, card: Card) -> bool:
        width = self._width()
        heights = [each.heightForWidth(width) + SPACE for each in (*self._cards, card)]
        return sum(heights) - SPACE <= self._area().height()

    def _free_lift(self, card: Card) -> int:
        """The lowest free position for a new card."""
        height = card.heightForWidth(self._width())
        taken = sorted((lift, lift + other.heightForWidth(self._width())) for other, lift in self._lifts.items())
        lift = 0
        for bottom, top in taken:
            if lift + height + SPACE <= bottom:
                break
            lift = top + SPACE
        return lift

    def _stack_cards(self) -> int:
        """Remove overlaps, and gaps unless the pointer is over the cards; return the total height."""
        free = 0
        for card, lift in sorted(self._lifts.items(), key=lambda item: item[1]):
            self._lifts[card] = max(lift, free) if self._is_hovered else free
            free = self._lifts[card] + card.heightForWidth(self._width()) + SPACE
        return free - SPACE

    def _width(self) -> int:
        return min(WIDTH, self._over.width() // 3)

    def _area(self) -> QRect:
        """Where the cards may be, in the window."""
        corner = self._over.mapTo(self._host, QPoint(0, 0))
        return QRect(corner, self._over.size()).marginsRemoved(self._margins)

    def _lay_out(self) -> None:
        self.setVisible(bool(self._cards))
        if not self._cards:
            self._is_hovered = False
            return
        area, width = self._area(), self._width()
        height = min(self._stack_cards(), self._host.height())
        self.setGeometry(area.left(), max(0, area.bottom() + 1 - height), width, height)
        covered = QRegion()
        for card, lift in self._lifts.items():
            tall = card.heightForWidth(width)
            card.setGeometry(0, height - lift - tall, width, tall)
            covered += card.geometry()
        self.setMask(covered)
        self.raise_()

    # --- events ---------------------------------------------------------------------------------

    def enterEvent(self, event: QEnterEvent) -> None:
        """Keep all cards in place while the pointer is over them."""
        self._is_hovered = True
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Close the gaps."""
        self._is_hovered = False
        self._lay_out()
        super().leaveEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the widget's corner."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.ZOrderChange) and self._cards:
            self._lay_out()
        return bool(super().eventFilter(watched, event))
