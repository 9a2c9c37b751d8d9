"""What joins widgets, session and engine (QtCore only); ``app/application.py`` creates the controllers.

============================================================  ==================================================
menus, toolbar, dialogs, drops                                ``actions.py``
the map                                                       ``latent_map.py``, with ``encoded_points.py``,
                                                              ``manifold.py``, ``plane_distance.py``
the latent: gestures, sliders, undo                           ``explore.py``, ``commands.py``, ``levels.py``,
                                                              ``selection.py``, ``prior.py``,
                                                              ``undo_history.py``
sliders replaced by pickers or a grid of codes                ``categories.py``, ``codebook.py``
the large image                                               ``decoded_image.py``, ``encoded_image.py``,
                                                              ``far_from_data.py``
the Image panel                                               ``your_image.py``, ``image_command.py``
the filmstrip                                                 ``filmstrip.py``, ``traversals.py``
Data and Model panels                                         ``data.py``, ``model.py``
training: the Training panel, texts, the command to copy      ``training.py``, ``run_messages.py``,
                                                              ``model_command.py``
runs on disk: opened, compared, listed, replayed              ``opened_run.py``, ``run_comparison.py``, ``runs.py``,
                                                              ``snapshots.py``
messages                                                      ``notifications.py``, ``status_line.py``,
                                                              ``frame_rate.py``
the session's files                                           ``autosave.py``
which results are outdated                                    ``generations.py``
============================================================  ==================================================

To add one, write a `QObject` that takes the session, the engine and its widgets, connects their signals, and is created
in ``app/application.py``.
"""
