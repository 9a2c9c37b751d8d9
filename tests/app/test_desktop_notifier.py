"""Notifications of the desktop: names in them are text and no markup."""

from __future__ import annotations

import sys

import pytest

from latentlab.app.desktop_notifier import DesktopNotifier


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="notify-send is of Linux desktops")
def test_notify_send_is_given_the_text_without_markup_and_no_options(tmp_path, monkeypatch, qtbot):
    program, out = tmp_path / "notify-send", tmp_path / "out"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {out}.part\nmv {out}.part {out}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    notifier = DesktopNotifier()
    notifier.notify("A run has ended", '<img src="/dev/zero"> --icon')
    qtbot.waitUntil(out.exists)
    lines = out.read_text().splitlines()
    assert lines[0] == "--app-name=latentlab"
    assert lines[-3:] == ["--", "A run has ended", '&lt;img src="/dev/zero"&gt; --icon']


def test_without_any_notifications_nothing_happens(monkeypatch, qapp):
    monkeypatch.setenv("PATH", "")
    DesktopNotifier().notify("A run has ended", "after 3 epochs")
