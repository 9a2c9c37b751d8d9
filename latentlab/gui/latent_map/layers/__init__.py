"""The map's layers, one file each.

To add a layer, write a subclass of ``Layer`` (``base.py``), or of ``ImageLayer`` (``image.py``) if drawing takes long,
with ``name``, ``title`` and ``draw``; ``trust.py`` is a short example. Add its line to the constructor of
``LayerStack`` in ``layer_stack.py``, in the order of drawing: layer panel, View menu and opacity follow from it. If the
layer shows data of its own, pass them through a ``set_…`` method of ``LatentMap`` in ``widget.py``, called by a
controller.
"""
