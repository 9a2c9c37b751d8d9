"""The engine: a background worker that owns torch, and the window's client for it.

.. code-block:: text

    window's process (client/)                     worker: a child process or a thread (worker/)

    EngineClient.request(Decode)  ─── pipe ───▶  Mailbox: the newest of each slot, all others in order
                                                   │ loop: answer what waits, then do one piece of each job
                                                   │   Decode ─▶ DecodeService, also beside a training step
                                                   │   manifold, strips, nearest image ─▶ InteractiveRequests
                                                   │   open, encode, save ─▶ JobQueue     train ─▶ TrainingJob
    EngineClient.decoded(Decoded) ◀─── pipe ───  Workspace.send(result)

Requests and results are the frozen dataclasses of :mod:`latentlab.engine.protocol.messages`.
"""
