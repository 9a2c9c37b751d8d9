"""The window's light and dark schemes; the scheme follows the system or is chosen, and can change at any time.

Colours depend only on the application's palette: widgets call ``current_theme()`` while they paint, and Qt's
``PaletteChange`` event informs them of a change. The chosen scheme is the only state here.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from latentlab.paths import resource

Scheme = Literal["system", "light", "dark"]
SPACE = 8  # px: margins and gaps are multiples of its half


@dataclass(frozen=True)
class Theme:
    """The colours of one scheme, as ``#rrggbb``.

    ``window`` is behind everything, ``surface`` behind panels, ``raised`` behind cards and buttons, ``field`` behind
    text that is typed. ``text``, ``dim`` and ``faint`` are text colours of decreasing contrast; ``series`` the colours
    of curves in order (Okabe and Ito's, distinct to colour-blind people too). ``map`` is behind the latent map, and
    ``mark`` the colour of what the user put on it: cursor, path, selection.
    """

    is_dark: bool
    window: str
    surface: str
    raised: str
    field: str
    hover: str
    border: str
    control: str
    scroll: str
    text: str
    dim: str
    faint: str
    accent: str
    accent_hover: str
    accent_soft: str
    accent_text: str
    on_accent: str
    warning: str
    error: str
    series: tuple[str, ...]
    map: str
    mark: str

    def colour(self, name: str, alpha: int = 255) -> QColor:
        """The colour with this name and opacity (0 to 255)."""
        colour = QColor(getattr(self, name))
        colour.setAlpha(alpha)
        return colour


LIGHT = Theme(
    is_dark=False,
    window="#eceef1",
    surface="#f8f9fa",
    raised="#ffffff",
    field="#ffffff",
    hover="#e3e6ea",
    border="#d3d7dd",
    control="#959da8",
    scroll="#c3c8d0",
    text="#1b1f24",
    dim="#5b6470",
    faint="#9aa2ad",
    accent="#1f6fd6",
    accent_hover="#1a60ba",
    accent_soft="#d8e7fb",
    accent_text="#1859ae",
    on_accent="#ffffff",
    warning="#9a5b00",
    error="#b3261e",
    series=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#3a8fc4", "#56606b"),
    map="#f7f7f5",
    mark="#ffa51f",
)

DARK = Theme(
    is_dark=True,
    window="#17191c",
    surface="#1f2226",
    raised="#282c31",
    field="#181b1e",
    hover="#32373d",
    border="#383d44",
    control="#6c747f",
    scroll="#484e57",
    text="#e7e9ec",
    dim="#a0a8b3",
    faint="#6d7580",
    accent="#3584e4",
    accent_hover="#4a94ee",
    accent_soft="#21405f",
    accent_text="#7db8fa",
    on_accent="#ffffff",
    warning="#f0b44c",
    error="#ff8078",
    series=("#56b4e9", "#e69f00", "#2fc79b", "#e08fbc", "#f0e442", "#9ab8ff", "#b6bdc7"),
    map="#15171a",
    mark="#ffb000",
)


def current_theme() -> Theme:
    """The colours of the current scheme.

    Read from the application's palette: the style sheet gives widgets' palettes transparent colours.
    """
    return DARK if QGuiApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def tabular(font: QFont) -> QFont:
    """The font with digits of equal width, so that changing numbers do not move."""
    font = QFont(font)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def apply(app: QApplication, scheme: Scheme = "system") -> None:
    """Set the application's style and scheme; ``system`` follows the desktop's light or dark setting."""
    app.setStyle("Fusion")
    _Follower.of(app).set_scheme(scheme)


def set_scheme(scheme: Scheme) -> None:
    """Choose light, dark or the system's scheme for all windows."""
    app = QApplication.instance()
    if isinstance(app, QApplication):
        _Follower.of(app).set_scheme(scheme)


def scheme() -> Scheme:
    """The chosen scheme; ``system`` by default."""
    app = QApplication.instance()
    return _Follower.of(app).scheme if isinstance(app, QApplication) else "system"


class _Follower(QObject):
    """A child of the application that restyles it when the system's scheme or the user's choice changes."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self.setObjectName("latentlabTheme")
        self.scheme: Scheme = "system"
        self._shown: Theme | None = None
        app.styleHints().colorSchemeChanged.connect(self._on_system_scheme_changed)

    @staticmethod
    def of(app: QApplication) -> _Follower:
        child = app.findChild(QObject, "latentlabTheme", Qt.FindChildOption.FindDirectChildrenOnly)
        return child if isinstance(child, _Follower) else _Follower(app)

    def set_scheme(self, scheme: Scheme) -> None:
        self.scheme = scheme
        wanted = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}.get(scheme, Qt.ColorScheme.Unknown)
        QGuiApplication.styleHints().setColorScheme(wanted)  # native title bars and file dialogs follow
        self._restyle()

    def _on_system_scheme_changed(self) -> None:
        self._restyle()

    def _restyle(self) -> None:
        dark = self.scheme == "dark"
        if self.scheme == "system":
            dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        wanted = DARK if dark else LIGHT
        app = QApplication.instance()
        if wanted is not self._shown and isinstance(app, QApplication):
            self._shown = wanted
            app.setPalette(palette(wanted))
            app.setStyleSheet(style_sheet(wanted))


def palette(colours: Theme) -> QPalette:
    """The Qt palette of a scheme."""
    role = QPalette.ColorRole
    result = QPalette()
    for colour_role, name in {
        role.Window: "window",
        role.Base: "surface",
        role.AlternateBase: "raised",
        role.Button: "raised",
        role.ToolTipBase: "raised",
        role.WindowText: "text",
        role.Text: "text",
        role.ButtonText: "text",
        role.ToolTipText: "text",
        role.BrightText: "error",
        role.PlaceholderText: "faint",
        role.Highlight: "accent",
        role.Accent: "accent",
        role.HighlightedText: "on_accent",
        role.Link: "accent_text",
        role.LinkVisited: "accent_text",
        role.Mid: "border",
        role.Dark: "border",
        role.Midlight: "hover",
        role.Light: "raised",
        role.Shadow: "border",
    }.items():
        result.setColor(colour_role, colours.colour(name))
    for colour_role in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, colour_role, colours.colour("faint"))
    return result


def style_sheet(colours: Theme) -> str:
    """The application's style sheet with a scheme's colours filled in."""
    values = {name: value for name, value in dataclasses.asdict(colours).items() if isinstance(value, str)}
    values["style"] = resource("style").as_posix()
    text = resource("style", "latentlab.qss").read_text(encoding="utf-8")
    return re.sub(r"@(\w+)@", lambda match: values[match[1]], text)
