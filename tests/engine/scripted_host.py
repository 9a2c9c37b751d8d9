"""A worker's host that answers what a test says, and ends when a test says so; it starts nothing."""

from __future__ import annotations

import queue

from latentlab.engine.protocol.messages import Request, Result


class ScriptedHost:
    """Records what is sent to it."""

    name = "process"

    def __init__(self, model: str | None = None) -> None:
        self.model = model
        self.sent: list[Request] = []
        self._results: queue.Queue[Result | int] = queue.Queue()

    def send(self, request: Request) -> None:
        self.sent.append(request)

    def receive_until_exit(self, deliver) -> int:
        while not isinstance(item := self._results.get(), int):
            deliver(item)
        return item

    def answer(self, *results: Result) -> None:
        for result in results:
            self._results.put(result)

    def end(self, code: int) -> None:
        self._results.put(code)

    def kill(self) -> None:
        self.end(-9)

    def stderr_tail(self) -> str:
        return ""
