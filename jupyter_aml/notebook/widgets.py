"""RunDetails: a run in a notebook, live.

Reference: https://learn.microsoft.com/python/api/azureml-widgets/azureml.widgets.rundetails
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jupyter_aml.errors import UserErrorException
from jupyter_aml.tracking import html
from jupyter_aml.tracking.names import shown


class RunDetails:
    """Shows a run: status, duration, metrics, images, the end of its log, its children.

    Args:
        run_instance: the run.

    Raises:
        UserErrorException: it is no run.
    """

    def __init__(self, run_instance: Any) -> None:
        if not hasattr(run_instance, "log") or not hasattr(run_instance, "id"):
            raise UserErrorException(f"RunDetails takes a run, not {shown(run_instance)}.")
        self._run = run_instance
        self._settings: dict[str, Any] = {}

    def show(
        self, render_lib: Callable[[str], Any] | None = None, widget_settings: Mapping[str, Any] | None = None
    ) -> None:
        """Display the run, and follow it until it ends.

        In a kernel it is a widget, or HTML where widgets cannot be shown; once the run has ended, HTML stays in the
        notebook. Outside of a kernel it is a picture of the moment.

        Args:
            render_lib: a function that shows HTML, instead of the notebook's display (Databricks' ``displayHTML``).
            widget_settings: (SDK) kept for `get_widget_data`; nothing else depends on it.
        """
        from IPython.display import display

        from jupyter_aml.notebook import screens, sections
        from jupyter_aml.notebook.display import Shown
        from jupyter_aml.notebook.follow import Follower

        self._settings = dict(widget_settings or {})
        if render_lib is not None and not callable(render_lib):
            raise UserErrorException(f"render_lib= takes a function that shows HTML, not {shown(render_lib)}.")
        details = self._details()
        if details is None:
            if render_lib is not None:
                render_lib(self._repr_html_())
            else:
                display(self)
            return
        seen = details.connection.store.last_change()
        found = details.read()
        if render_lib is not None:
            render_lib(sections.whole(found))
        elif details.ended or screens.kernel() is None:
            data = screens.bundle(found, details.text(), live=not details.ended)
            display(Shown(data["text/html"], data["text/plain"]))
        else:
            kind = screens.WidgetScreen if screens.can_show_widgets() else screens.HtmlScreen
            Follower(details, kind(found, details.text()), found, seen).start()

    def get_widget_data(self, widget_settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What is shown, as plain data in the SDK's shape: status, properties, metrics, logs, children."""
        from jupyter_aml.notebook.widget_data import widget_data

        return widget_data(self._run, {**self._settings, **(widget_settings or {})})

    def _details(self) -> Any:
        """What reads the run; None for one that is not in a workspace."""
        from jupyter_aml.notebook.details import Details

        connection = getattr(self._run, "_connection", None)
        return Details(connection, self._run.id) if connection is not None else None

    def _repr_html_(self) -> str:
        from jupyter_aml.notebook import sections

        try:
            details = self._details()
            if details is None:
                return f"<code>{html.escape(repr(self._run))}</code>: an offline run keeps nothing."
            return sections.whole(details.read())
        except Exception:  # a repr never raises
            return f"<code>{html.escape(repr(self))}</code>"

    def __repr__(self) -> str:
        return f"RunDetails({self._run!r})"
