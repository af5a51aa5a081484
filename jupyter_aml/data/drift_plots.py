"""Drift, drawn."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any


def figures(found: Sequence[Mapping[str, Any]], threshold: float) -> dict[str, Any]:
    """Figures of pyplot: the coefficient by time, the features' distances by time. They are shown where a notebook shows figures.

    Raises:
        UserErrorException: matplotlib is not installed.
    """
    made = _drawn(found, threshold, _pyplot().figure)
    _pyplot().show()
    return made


def pictures(found: Sequence[Mapping[str, Any]], threshold: float) -> dict[str, bytes]:
    """The same as SVG; none where matplotlib is not installed: a run is complete without them."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return {}
    made = {}
    for name, figure in _drawn(found, threshold, Figure).items():
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", bbox_inches="tight")
        made[name] = stream.getvalue()
    return made


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot
    except ImportError:
        from jupyter_aml.errors import UserErrorException

        raise UserErrorException("matplotlib is not installed: pip install matplotlib.") from None
    return pyplot


def _drawn(found: Sequence[Mapping[str, Any]], threshold: float, new: Any) -> dict[str, Any]:
    times: list[Any] = [datetime.fromisoformat(one["start"]) for one in found]
    whole = new(figsize=(8, 3))
    axes = whole.subplots()
    axes.plot(times, [100 * one["coefficient"] for one in found], marker="o")
    axes.axhline(100 * threshold, linestyle="--", linewidth=1)
    axes.set(title="Drift", ylabel="%", ylim=(0, 100))
    whole.autofmt_xdate()
    parts = new(figsize=(8, 3))
    axes = parts.subplots()
    for name in dict.fromkeys(name for one in found for name in one["columns"]):
        axes.plot(times, [one["columns"].get(name, {}).get("js_distance") for one in found], marker="o", label=name)
    axes.set(title="Distance of each feature from the baseline (Jensen–Shannon)", ylim=(0, 1))
    axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    parts.autofmt_xdate()
    return {"drift": whole, "features": parts}
