"""What the SDK's Model does beyond the registry, and this one does not do yet."""

from __future__ import annotations

from typing import Any

_LATER = ("deploy", "package", "profile", "print_configuration")


class RegistryOnly(type):
    """A class that says of the SDK's methods for deployments that they are not there yet."""

    def __getattr__(cls, name: str) -> Any:
        if name in _LATER:
            raise AttributeError(
                f"{cls.__name__}.{name} is not there yet: models are registered, found and downloaded here, and cannot be "
                f"deployed so far. {cls.__name__}.get_model_path(name) is the file to load in a program of your own."
            )
        raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
