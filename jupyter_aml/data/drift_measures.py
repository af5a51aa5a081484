"""How far two columns of values differ, by well-known measures. All of them take what a table has, and need numpy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

BINS = 10
"""By the deciles of both sets together: few, so that small sets do not seem to differ by chance."""
FEW = 1e-4
"""Share that an empty bin counts as in the population stability index, which would be infinite."""


def is_number(kind: pa.DataType) -> bool:
    """Whether a column is compared as numbers."""
    import pyarrow.types as types

    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def is_category(kind: pa.DataType) -> bool:
    """Whether a column is compared by its values' frequencies."""
    import pyarrow.types as types

    return bool(types.is_string(kind) or types.is_boolean(kind))


def compare(base: pa.ChunkedArray, target: pa.ChunkedArray) -> dict[str, float] | None:
    """The measures of a column; None when one of the sets has no value of it.

    ``js_distance`` (Jensen–Shannon, to the base 2: 0 the same, 1 nothing in common) and ``population_stability_index`` are there
    for all; ``wasserstein_distance`` (in standard deviations of the baseline), ``ks_statistic``, ``mean`` … for numbers,
    ``euclidean_distance`` (of the frequencies) and ``unique_values`` for categories.
    """
    if is_number(base.type):
        return _numbers(_floats(base), _floats(target))
    return _categories(base, target)


def _floats(values: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    import numpy as np
    import pyarrow as pa

    numbers = values.cast(pa.float64(), safe=False).drop_null().to_numpy()
    return numbers[np.isfinite(numbers)]


def _numbers(base: np.ndarray[Any, Any], target: np.ndarray[Any, Any]) -> dict[str, float] | None:
    import numpy as np

    if not len(base) or not len(target):
        return None
    both = np.concatenate([base, target])
    edges = np.unique(np.quantile(both, np.linspace(0, 1, BINS + 1)[1:-1]))
    p, q = (
        np.bincount(np.searchsorted(edges, v, side="right"), minlength=len(edges) + 1) / len(v) for v in (base, target)
    )
    at = np.sort(both)
    below = [np.searchsorted(np.sort(v), at, side="right") / len(v) for v in (base, target)]
    gaps = np.abs(below[0] - below[1])
    moved = float(np.sum(gaps[:-1] * np.diff(at)))
    spread = float(base.std()) or float(both.std())
    return {
        **_shares(p, q), "wasserstein_distance": moved / spread if spread else 0.0, "ks_statistic": float(gaps.max()),
        "baseline_mean": float(base.mean()), "target_mean": float(target.mean()), "target_min": float(target.min()),
        "target_max": float(target.max()),
    }  # fmt: skip


def _categories(base: pa.ChunkedArray, target: pa.ChunkedArray) -> dict[str, float] | None:
    import numpy as np

    counts = [
        {row["values"]: row["counts"] for row in values.drop_null().value_counts().to_pylist()}
        for values in (base, target)
    ]
    if not counts[0] or not counts[1]:
        return None
    names = sorted({*counts[0], *counts[1]})
    p, q = (np.array([c.get(name, 0) for name in names], float) / sum(c.values()) for c in counts)
    return {
        **_shares(p, q), "euclidean_distance": float(np.sqrt(((p - q) ** 2).sum())), "unique_values": float(len(counts[1])),
    }  # fmt: skip


def _shares(p: np.ndarray[Any, Any], q: np.ndarray[Any, Any]) -> dict[str, float]:
    import numpy as np

    middle = (p + q) / 2

    def divergence(part: np.ndarray[Any, Any]) -> float:
        there = part > 0
        return float((part[there] * np.log2(part[there] / middle[there])).sum())

    js = max(0.0, (divergence(p) + divergence(q)) / 2)
    a, b = np.maximum(p, FEW), np.maximum(q, FEW)
    return {"js_distance": min(1.0, js**0.5), "population_stability_index": float(((b - a) * np.log(b / a)).sum())}


def compare_tables(base: pa.Table, target: pa.Table, features: list[str]) -> dict[str, Any]:
    """All features, and the coefficient of the whole: the greatest of their Jensen–Shannon distances.

    Returns:
        ``{"coefficient", "columns": {name: measures}, "contribution": {name: share}}``.
    """
    columns = {
        name: found for name in features if (found := compare(base.column(name), target.column(name))) is not None
    }
    total = sum(found["js_distance"] for found in columns.values())
    return {
        "coefficient": max((found["js_distance"] for found in columns.values()), default=0.0),
        "columns": columns,
        "contribution": {name: found["js_distance"] / total if total else 0.0 for name, found in columns.items()},
    }
