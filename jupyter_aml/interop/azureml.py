"""The azureml alias: while it is on, ``import azureml…`` in this process gives jupyter_aml's objects.

Nothing named azureml is installed. A finder at the head of ``sys.meta_path`` makes the SDK's modules on demand; each
resolves its names from `table.SERVED` when they are first asked for. Where Microsoft's own SDK is installed and already
imported, its modules are put aside while the alias is on, and are back when it goes off.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from jupyter_aml.interop.table import SERVED

if TYPE_CHECKING:
    from importlib.abc import Loader

    from jupyter_aml.interop.sdk import Sdk
else:
    Loader = object  # importlib.abc costs more than all the rest, in each process that a kernel starts

ROOT = "azureml"
_lock = threading.RLock()
_put_aside: dict[str, ModuleType] = {}
_ours: dict[str, ModuleType] = {}


def _is_azureml(name: str) -> bool:
    return name == ROOT or name.startswith(ROOT + ".")


def sdk() -> Sdk:
    """What the SDK had; read when somebody imports from it, since every child process of a kernel has the alias too."""
    from jupyter_aml.interop.sdk import sdk

    return sdk()


def _served_in(module: str) -> dict[str, str]:
    """Name -> ``module:attribute`` of ours, for all that `module` serves."""
    inside = {name: SERVED[path] for name, path in sdk().names.get(module, {}).items() if path in SERVED}
    for path, target in SERVED.items():  # rows for names that only our table knows
        where, _, name = path.rpartition(".")
        if where == module:
            inside.setdefault(name, target)
    return inside


def serves(package: str) -> bool:
    """Whether anything of one of Microsoft's packages is served. One of packages alone (azureml-sdk) counts as served."""
    module = re.sub(r"[-_.]+", ".", package.lower())
    if module not in sdk().modules or module == "azureml.mlflow":  # whose work the plugin in interop/mlflow does
        return True
    return any(_served_in(name) for name in sdk().modules if name == module or name.startswith(f"{module}."))


class AliasModule(ModuleType):
    """One served module of the SDK. Its names load when they are first used."""

    def __getattr__(self, name: str) -> Any:
        """Find `name` among what is served; AttributeError (ImportError from an import statement) says why not."""
        module = self.__name__
        if name.startswith("__"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        target = _served_in(module).get(name)
        if target is not None:
            where, _, attribute = target.partition(":")
            value = getattr(import_module(where), attribute)
            setattr(self, name, value)
            return value
        if f"{module}.{name}" in sdk().modules and _finder in sys.meta_path:
            return import_module(f"{module}.{name}")
        # `from azureml.core import X` asks here first, from the import machinery. Only an ImportError raised now keeps
        # its text; for everyone else (hasattr, getattr) a missing name has to be an AttributeError.
        asker = sys._getframe(1).f_globals.get("__name__")
        if asker == "importlib._bootstrap":
            if name in sdk().names.get(module, {}):
                from jupyter_aml.interop.absent import absent

                value = absent(module, name)
                setattr(self, name, value)
                return value
            raise ImportError(_why_not(module, name), name=f"{module}.{name}")
        raise AttributeError(_why_not(module, name))

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_served_in(self.__name__), *_submodules(self.__name__)})


def _submodules(module: str) -> list[str]:
    start = module + "."
    return [m.removeprefix(start) for m in sdk().modules if m.startswith(start) and "." not in m.removeprefix(start)]


def _why_not(module: str, name: str) -> str:
    if name in sdk().names.get(module, {}):
        from jupyter_aml.interop.absent import why_not

        return why_not(f"{module}.{name}")
    text = f"cannot import name {name!r} from {module!r}: the AzureML SDK has none."
    elsewhere = sorted((m for m, inside in sdk().names.items() if name in inside), key=lambda m: (m.count("."), m))
    if elsewhere:
        return f"{text} It is in {elsewhere[0]!r}."
    import difflib

    known = [*sdk().names.get(module, {}), *_served_in(module), *_submodules(module)]
    close = difflib.get_close_matches(name, known, n=1)
    return f"{text} Did you mean {close[0]!r}?" if close else text


class _AliasFinder(Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not _is_azureml(fullname):
            return None
        if fullname not in sdk().modules and not any(row.startswith(fullname + ".") for row in SERVED):
            return None
        spec = ModuleSpec(fullname, self, origin="jupyter_aml", is_package=True)
        spec.submodule_search_locations = []
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return AliasModule(spec.name, f"{spec.name}, served by jupyter_aml.")

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__version__"] = sdk().version
        module.__dict__["__all__"] = sorted(name for name in _served_in(module.__name__) if not name.startswith("_"))


_finder = _AliasFinder()


def enabled() -> bool:
    """Whether the alias is on in this process."""
    return _finder in sys.meta_path


def enable() -> None:
    """Serve ``azureml`` and all below it from jupyter_aml, in this process. Calling it again changes nothing."""
    with _lock:
        if enabled():
            return
        _put_aside.update(_take_out())
        sys.modules.update(_ours)
        _ours.clear()
        sys.meta_path.insert(0, _finder)


def disable() -> None:
    """End the alias; modules of an installed SDK that were put aside are back. What was imported from us goes on working."""
    with _lock:
        if not enabled():
            return
        sys.meta_path.remove(_finder)
        _ours.update(_take_out())
        sys.modules.update(_put_aside)
        _put_aside.clear()


def _take_out() -> dict[str, ModuleType]:
    return {name: sys.modules.pop(name) for name in list(sys.modules) if _is_azureml(name)}
