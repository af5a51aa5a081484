"""Doing something right after a module is imported, and giving modules a second name, without importing anything.

One finder at the head of ``sys.meta_path`` serves both. Whoever never imports the modules concerned pays a dictionary
look-up per import.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.abc import Loader, MetaPathFinder
else:
    Loader = MetaPathFinder = object  # importlib.abc costs more than all the rest, in each process that a kernel starts

Undo = Callable[[], object]
Patch = Callable[[ModuleType], list[Undo]]
Maker = Callable[[str], ModuleType]


def put(owner: Any, name: str, value: object) -> Undo:
    """Set an attribute of a class or module; returns what puts back what was its own there, if anything."""
    missing = object()
    before = vars(owner).get(name, missing)
    setattr(owner, name, value)

    def undo() -> None:
        if before is missing:
            delattr(owner, name)
        else:
            setattr(owner, name, before)

    return undo


class Hooks(MetaPathFinder):
    """Patches by module name, second names of modules, and modules to make; all undone by `disable`.

    Parameters: `patches` run after the module of that name is executed (or at `enable`, where it is there already) and
    return what undoes them. `moved` maps a name that no longer exists to the module that has its contents (names below
    are mapped too); `made` to a function that makes it. A module that really exists always wins over both.
    """

    def __init__(self, patches: dict[str, Patch], moved: dict[str, str], made: dict[str, Maker]) -> None:
        self.patches = patches
        self.moved = moved
        self.made = made
        self._roots = {name.partition(".")[0] for name in (*patches, *moved, *made)}
        self._lock = threading.RLock()
        self._undo: list[Undo] = []
        self._looking = threading.local()

    @property
    def enabled(self) -> bool:
        """Whether it stands in ``sys.meta_path``."""
        return self in sys.meta_path

    def enable(self) -> None:
        """Begin; modules that are already imported are patched now."""
        with self._lock:
            if self.enabled:
                return
            sys.meta_path.insert(0, self)
            for name in self.patches:
                module = sys.modules.get(name)
                if module is not None and not getattr(module.__spec__, "_initializing", False):
                    self.patch(name, module)

    def disable(self) -> None:
        """End, and undo what was done, the latest first."""
        with self._lock:
            if self.enabled:
                sys.meta_path.remove(self)
            while self._undo:
                self._undo.pop()()

    def patch(self, name: str, module: ModuleType) -> None:
        """Run the patch of `name`. One that does not fit the installed version must never break its import."""
        with self._lock:
            if not self.enabled:
                return
            try:
                self._undo += self.patches[name](module)
            except Exception:
                import logging

                logging.getLogger(__name__).warning("the compat pack could not mend %s", name, exc_info=True)

    def remember(self, undo: Undo) -> None:
        """Add something to undo at `disable`."""
        with self._lock:
            self._undo.append(undo)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Wrap the spec of a module to patch; make one for a name that moved."""
        if fullname.partition(".")[0] not in self._roots:
            return None
        if fullname in self.patches:
            spec = self._real(fullname, path, target)
            if spec is not None and hasattr(spec.loader, "exec_module"):
                spec.loader = _PatchingLoader(spec.loader, self)
            return spec
        home = self._home(fullname)
        if home is None and fullname not in self.made:
            return None
        real = self._real(fullname, path, target)
        if real is not None and not self._below_moved(fullname):
            return real
        return ModuleSpec(fullname, _SecondName(self, home, self.made.get(fullname)), is_package=False)

    def _home(self, fullname: str) -> str | None:
        """Where the contents of a moved module (or of one below it) are."""
        if fullname in self.moved:
            return self.moved[fullname]
        above, _, rest = fullname.rpartition(".")
        while above:
            if above in self.moved:
                return f"{self.moved[above]}.{rest}"
            above, _, more = above.rpartition(".")
            rest = f"{more}.{rest}"
        return None

    def _below_moved(self, fullname: str) -> bool:
        # The parent is the real package under a second name: the path finder would load its modules a second time.
        parent = sys.modules.get(fullname.rpartition(".")[0])
        return fullname not in self.moved and parent is not None and parent.__name__ != fullname.rpartition(".")[0]

    def _real(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        looking: set[str] = self._looking.__dict__.setdefault("names", set())
        if fullname in looking:  # another finder asks all finders, us among them
            return None
        looking.add(fullname)
        try:
            for finder in list(sys.meta_path):
                find: Any = None if finder is self else getattr(finder, "find_spec", None)
                spec = find(fullname, path, target) if find else None
                if spec is not None:
                    return spec
            return None
        finally:
            looking.discard(fullname)


class _PatchingLoader(Loader):
    """The module's own loader, and the patch after it. The module never gets to see this one."""

    def __init__(self, loader: Any, hooks: Hooks) -> None:
        self._loader = loader
        self._hooks = hooks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._hooks.patch(module.__name__, sys.modules.get(module.__name__, module))


class _SecondName(Loader):
    def __init__(self, hooks: Hooks, home: str | None, make: Maker | None) -> None:
        self._hooks = hooks
        self._home = home
        self._make = make

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        try:
            stand_in = import_module(self._home) if self._home else self._make(name)  # type: ignore[misc]
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(f"No module named {name!r} (nor {error.name!r})", name=name) from None
        sys.modules[name] = stand_in
        self._hooks.remember(lambda: _forget(name, stand_in))


def _forget(name: str, stand_in: ModuleType) -> None:
    if sys.modules.get(name) is stand_in:
        del sys.modules[name]
    above, _, last = name.rpartition(".")
    parent = sys.modules.get(above)
    if parent is not None and vars(parent).get(last) is stand_in and f"{parent.__name__}.{last}" not in sys.modules:
        delattr(parent, last)
