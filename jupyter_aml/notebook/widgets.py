"""RunDetails: what is known of a run, in a notebook."""

from __future__ import annotations

from typing import Any

from jupyter_aml.tracking import html


class RunDetails:
    """Shows a run: status, metrics, files (as the SDK's widget of this name; a picture of the moment, not live yet).

    Args:
        run_instance: the run.
    """

    def __init__(self, run_instance: Any) -> None:
        self._run = run_instance

    def show(self, render_lib: Any = None, widget_settings: Any = None) -> None:
        """Display it."""
        from IPython.display import display

        display(self)

    def _repr_html_(self) -> str:
        try:
            files = self._run.get_file_names()
            listing = html.facts("Files", dict.fromkeys(files[:50], "")) if files else ""
            return f"{self._run._repr_html_()}{listing}"
        except Exception:
            return f"<code>{html.escape(repr(self._run))}</code>"

    def __repr__(self) -> str:
        return repr(self._run)
