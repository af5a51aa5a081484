"""Sizes of machines by name, as AzureML has them: what a ``vm_size`` stands for.

The table is a workspace's own: `put` changes or adds a size there.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from jupyter_aml.errors import ComputeTargetException, UserErrorException
from jupyter_aml.store.records import AssetQuery, AssetRecord

KIND = "compute_size"
DEFAULT = "STANDARD_D2_V2"


@dataclass(frozen=True)
class Size:
    """What a size stands for."""

    name: str
    cpus: int
    memory_gb: float
    gpus: int = 0
    family: str = ""

    def _sdk(self) -> dict[str, Any]:
        """As `AmlCompute.supported_vmsizes` tells it."""
        return {
            "name": self.name,
            "vCPUs": self.cpus,
            "gpus": self.gpus,
            "memoryGB": self.memory_gb,
            "vmFamily": self.family,
        }


def _family(family: str, *sizes: tuple[str, int, float] | tuple[str, int, float, int]) -> list[Size]:
    return [Size(s[0], s[1], s[2], s[3] if len(s) > 3 else 0, family) for s in sizes]


_KNOWN = [
    *_family("standardAFamily", ("Standard_A1_v2", 1, 2), ("Standard_A2_v2", 2, 4), ("Standard_A4_v2", 4, 8)),
    *_family(
        "standardDv2Family",
        ("Standard_D1_v2", 1, 3.5), ("Standard_D2_v2", 2, 7), ("Standard_D3_v2", 4, 14), ("Standard_D4_v2", 8, 28),
        ("Standard_D5_v2", 16, 56), ("Standard_D11_v2", 2, 14), ("Standard_D12_v2", 4, 28), ("Standard_D13_v2", 8, 56),
        ("Standard_D14_v2", 16, 112),
    ),
    *_family(
        "standardDSv2Family",
        ("Standard_DS1_v2", 1, 3.5), ("Standard_DS2_v2", 2, 7), ("Standard_DS3_v2", 4, 14), ("Standard_DS4_v2", 8, 28),
        ("Standard_DS5_v2", 16, 56), ("Standard_DS11_v2", 2, 14), ("Standard_DS12_v2", 4, 28),
        ("Standard_DS13_v2", 8, 56), ("Standard_DS14_v2", 16, 112), ("Standard_DS15_v2", 20, 140),
    ),
    *_family("standardDv3Family", ("Standard_D2_v3", 2, 8), ("Standard_D4_v3", 4, 16), ("Standard_D8_v3", 8, 32)),
    *_family("standardDSv3Family", ("Standard_D2s_v3", 2, 8), ("Standard_D4s_v3", 4, 16), ("Standard_D8s_v3", 8, 32)),
    *_family("standardEv3Family", ("Standard_E2_v3", 2, 16), ("Standard_E4_v3", 4, 32), ("Standard_E8_v3", 8, 64)),
    *_family("standardEDSv4Family", ("Standard_E4ds_v4", 4, 32), ("Standard_E8ds_v4", 8, 64)),
    *_family("standardFSv2Family", ("Standard_F2s_v2", 2, 4), ("Standard_F4s_v2", 4, 8), ("Standard_F8s_v2", 8, 16)),
    *_family("standardNCFamily", ("Standard_NC6", 6, 56, 1), ("Standard_NC12", 12, 112, 2), ("Standard_NC24", 24, 224, 4)),
    *_family("standardNCSv2Family", ("Standard_NC6s_v2", 6, 112, 1), ("Standard_NC12s_v2", 12, 224, 2)),
    *_family(
        "standardNCSv3Family",
        ("Standard_NC6s_v3", 6, 112, 1), ("Standard_NC12s_v3", 12, 224, 2), ("Standard_NC24s_v3", 24, 448, 4),
        ("Standard_NC24rs_v3", 24, 448, 4),
    ),
    *_family("standardNCASv3_T4Family", ("Standard_NC4as_T4_v3", 4, 28, 1), ("Standard_NC8as_T4_v3", 8, 56, 1)),
    *_family("standardNVFamily", ("Standard_NV6", 6, 56, 1), ("Standard_NV12", 12, 112, 2)),
]  # fmt: skip


def table(workspace: Any) -> dict[str, Size]:
    """The sizes that a workspace knows, by their names in capitals."""
    found = {size.name.upper(): size for size in _KNOWN}
    for record in workspace.connection.store.walk_assets(AssetQuery(kind=KIND)):
        found[record.name.upper()] = _of(record)
    return found


def find(workspace: Any, name: str) -> Size:
    """The size of that name, whatever its case.

    Raises:
        ComputeTargetException: there is none; similar names are told.
    """
    known = {size.name.upper(): size for size in _KNOWN}
    record = workspace.connection.store.asset(KIND, str(name).upper())
    if record is not None:
        return _of(record)
    if str(name).upper() in known:
        return known[str(name).upper()]
    import difflib

    close = difflib.get_close_matches(str(name).upper(), [*table(workspace)], n=3)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    raise ComputeTargetException(
        f"There is no machine size {name!r}.{hint} AmlCompute.supported_vmsizes(workspace) lists them, "
        "`aml compute size NAME --cpus N --memory-gb N` adds one."
    )


def put(workspace: Any, name: str, *, cpus: int, memory_gb: float, gpus: int = 0) -> Size:
    """Change or add a size of a workspace.

    Args:
        workspace: whose table.
        name: of the size.
        cpus: processors.
        memory_gb: memory in GB.
        gpus: graphics processors.

    Raises:
        UserErrorException: numbers that cannot be.
    """
    if not name or len(name) > 64:
        raise UserErrorException(f"The name of a size has 1 to 64 characters, not {name!r}.")
    if cpus < 1 or memory_gb <= 0 or gpus < 0:
        raise UserErrorException(f"A size has 1 or more processors and some memory, not {cpus} and {memory_gb} GB.")
    size = Size(name, int(cpus), float(memory_gb), int(gpus), "workspace")
    now = time.time()
    record = AssetRecord(kind=KIND, name=name.upper(), created=now, modified=now, data=asdict(size))
    workspace.connection.store.put_asset(record, if_exists="replace")
    return size


def _of(record: AssetRecord) -> Size:
    data = record.data
    return Size(data["name"], int(data["cpus"]), float(data["memory_gb"]), int(data["gpus"]), data["family"])
