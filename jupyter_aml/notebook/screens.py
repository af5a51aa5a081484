"""Where a run is shown: an ipywidget, or HTML that is replaced. Both leave plain HTML in the notebook at the end."""

from __future__ import annotations

import time
import uuid
from typing import Any

from jupyter_aml.notebook import sections as parts
from jupyter_aml.tracking import html

SELDOM = 2.0
"""Seconds between two replacements of a whole display: each is a change of the notebook's document."""


def kernel() -> Any:
    """The kernel that this code runs in, or None: a terminal, a plain script."""
    from IPython.core.getipython import get_ipython

    return getattr(get_ipython(), "kernel", None)


def can_show_widgets() -> bool:
    """Whether ipywidgets is there, and a kernel with comms."""
    if getattr(kernel(), "comm_manager", None) is None:
        return False
    try:
        import ipywidgets  # noqa: F401
    except ImportError:
        return False
    return True


def bundle(sections: dict[str, str], text: str, *, live: bool = False) -> dict[str, Any]:
    """The display without a widget. While the run goes on it says of when it is."""
    markup = parts.whole(sections)
    if live:
        now = html.escape(html.moment(time.time()))
        markup += f'<div class="aml-Details"><span class="aml-muted">as of {now}</span></div>'
    return {"text/plain": text, "text/html": markup}


class HtmlScreen:
    """A display that is replaced as a whole now and then.

    Args:
        sections: what it shows first.
        text: for where no HTML is shown.
    """

    def __init__(self, sections: dict[str, str], text: str) -> None:
        self._id = uuid.uuid4().hex
        self._sections = dict(sections)
        self._text = text
        self._told = time.monotonic()
        self._display(bundle(sections, text, live=True))

    def _display(self, data: dict[str, Any], update: bool = False) -> None:
        from IPython.display import display, update_display

        (update_display if update else display)(data, raw=True, display_id=self._id)  # type: ignore[operator]

    def put(self, changed: dict[str, str]) -> None:
        """Show these sections anew, if the last time was long enough ago."""
        self._sections |= changed
        if time.monotonic() - self._told >= SELDOM:
            self._told = time.monotonic()
            self._display(bundle(self._sections, self._text, live=True), update=True)

    def end(self, sections: dict[str, str], text: str, over: bool) -> None:
        """Leave HTML: it is there when the notebook is opened without its kernel."""
        self._display(bundle(sections, text, live=not over), update=True)


class WidgetScreen(HtmlScreen):
    """An ipywidget with a part for each section, so that a section that changes leaves the others as they are."""

    def __init__(self, sections: dict[str, str], text: str) -> None:
        import ipywidgets

        style = ipywidgets.HTML(parts.STYLE, layout={"display": "none"})
        self._parts = {}
        for name in parts.ORDER:
            markup = parts.alone(sections.get(name, ""))
            self._parts[name] = ipywidgets.HTML(markup, layout={"display": _shown(markup)})
        self._box = ipywidgets.VBox([style, *self._parts.values()])
        super().__init__(sections, text)

    def _display(self, data: dict[str, Any], update: bool = False) -> None:
        if not update:
            view = self._box._repr_mimebundle_()
            data = {**view, **data}
        super()._display(data, update)

    def put(self, changed: dict[str, str]) -> None:
        """Show these sections anew."""
        for name, markup in changed.items():
            part = self._parts[name]
            part.value = parts.alone(markup)
            part.layout.display = _shown(markup)


def _shown(markup: str) -> str | None:
    """An empty part takes no room."""
    return None if markup else "none"
