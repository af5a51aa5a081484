"""RunDetails: a run in a notebook, followed while it goes on."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from jupyter_aml.errors import AzureMLException, NotFoundException
from jupyter_aml.notebook.details import details_html
from jupyter_aml.store.records import TERMINAL
from jupyter_aml.tracking import html

log = logging.getLogger("jupyter_aml")
INTERVAL = 0.4
"""Seconds between two looks at the change feed."""


class RunDetails:
    """Shows a run: status, metrics with charts, images, runs below, the end of the log (the SDK's widget of this name).

    In a notebook whose front end shows widgets it follows the run until it ends; elsewhere (nbconvert, a front end
    without widgets, no ipywidgets) the same is shown as HTML of the moment.

    Args:
        run_instance: the run.
    """

    def __init__(self, run_instance: Any) -> None:
        self._run = run_instance
        self._connection = run_instance._connection
        self._widget: Any = None
        self._follower: threading.Thread | None = None

    def show(self, render_lib: Any = None, widget_settings: Any = None) -> None:
        """Display it and follow the run.

        Args:
            render_lib: a function that displays; IPython's `display` by default.
            widget_settings: taken for the SDK's sake; nothing needs to be set.
        """
        from IPython.display import display

        (render_lib if callable(render_lib) else display)(self)

    def get_widget_data(self, widget_settings: Any = None) -> dict[str, Any]:
        """What the widget shows, as data: status, run_id, run_properties, run_metrics, child_runs, run_logs."""
        run = self._run
        properties = run.get_details()
        children = [{"run_id": c.id, "status": c.get_status(), "name": c.name} for c in run.get_children()]
        return {
            "status": run.get_status(),
            "run_id": run.id,
            "workbench_run_details_uri": run.get_portal_url(),
            "run_properties": properties,
            "run_metrics": run.get_metrics(),
            "child_runs": children,
            "run_logs": "".join(run.get_details_with_logs()["logFiles"].values()),
        }

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        shown = self._repr_html_()
        bundle: dict[str, Any] = {"text/plain": repr(self), "text/html": shown}
        widget = self._live(shown)
        if widget is not None:
            view = widget._repr_mimebundle_()
            bundle.update(
                {key: value for key, value in view.items() if key.startswith("application/vnd.jupyter.widget")}
            )
        return bundle

    def _repr_html_(self) -> str:
        try:
            return details_html(self._connection, self._run.id)
        except AzureMLException as error:
            return f"<code>{html.escape(error)}</code>"

    def __repr__(self) -> str:
        return repr(self._run)

    def _live(self, shown: str) -> Any:
        """The widget, kept up to date by a thread; None where there can be none."""
        from jupyter_aml.tracking import context

        if context._kernel() is None:
            return None
        try:
            import ipywidgets
        except ImportError:
            return None
        if self._widget is None:
            self._widget = ipywidgets.HTML(shown)
        else:
            self._widget.value = shown
        if self._follower is None or not self._follower.is_alive():
            self._follower = threading.Thread(target=self._follow, name="jupyter_aml-details", daemon=True)
            self._follower.start()
        return self._widget

    def _follow(self) -> None:
        """Draw anew whenever something changed, and each second while it goes on (its duration grows)."""
        seen, drawn = -1, 0.0
        while True:
            try:
                store = self._connection.store
                last, record = store.last_change(), store.run(self._run.id)
                ended = record is None or record.status in TERMINAL
                if last != seen or ended or time.monotonic() - drawn >= 1:
                    seen, drawn = last, time.monotonic()
                    self._widget.value = details_html(self._connection, self._run.id)
                if ended:
                    return
            except NotFoundException:
                return
            except Exception as error:  # the store is busy for a while: go on
                log.debug("RunDetails could not be drawn: %s", error)
            time.sleep(INTERVAL)
