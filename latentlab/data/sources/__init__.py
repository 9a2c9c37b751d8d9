"""Where images come from: folders, arrays, IDX files, torchvision's datasets, demos.

To add a file format, write a module here with a function that reads a file as an
`latentlab.data.sources.array_dataset.ArraySource` (``idx.py`` is a short example), and one line each to
``FILE_FORMATS`` in ``open.py`` and, for dialogs and texts, to ``FILE_PATTERNS`` in ``latentlab/utils/file_formats.py``;
a test compares the two. To add a demo, add one line to ``DEMOS`` in ``open.py``.
"""
