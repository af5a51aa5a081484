"""What building an environment gives, in the SDK's shape. There is no image here: an interpreter with packages is built."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from jupyter_aml.errors import EnvironmentException

if TYPE_CHECKING:
    from jupyter_aml.environments.environment import Environment


class ImageBuildDetails:
    """A build that goes on in the background."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._error: Exception | None = None
        self.status = "Running"
        """Running, Succeeded or Failed."""
        self.python: str | None = None
        """The interpreter, once it is built."""
        threading.Thread(target=self._build, name="jupyter_aml-build", daemon=True).start()

    def _build(self) -> None:
        try:
            ready = self._environment.prepare(self._say)
            ready.release()
            self.python, status = ready.python, "Succeeded"
        except Exception as error:
            self._error, status = error, "Failed"
            self._say(str(error))
        with self._changed:
            self.status = status
            self._changed.notify_all()

    def _say(self, line: str) -> None:
        with self._changed:
            self._lines.append(line)
            self._changed.notify_all()

    @property
    def build_log(self) -> str:
        """What was said so far."""
        return "\n".join(self._lines)

    log = build_log

    def wait_for_completion(self, show_output: bool = True) -> None:
        """Wait for the end; `show_output` prints the log as it grows.

        Raises:
            EnvironmentException: it could not be built.
        """
        told = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: len(self._lines) > told or self.status != "Running")  # noqa: B023
                fresh, status = self._lines[told:], self.status
            told += len(fresh)
            if show_output:
                for line in fresh:
                    print(line)
            if status != "Running" and not fresh:
                break
        if self._error is not None:
            if isinstance(self._error, EnvironmentException):
                raise self._error
            raise EnvironmentException(f"The build failed: {self._error}") from self._error

    def cancel(self) -> None:
        """(SDK) A build on this machine takes seconds; it is let go on."""

    def __repr__(self) -> str:
        return f"ImageBuildDetails(environment={self._environment.name!r}, status={self.status!r})"


class ImageDetails(dict[str, Any]):
    """What an environment is executed in here, as a dict."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(
            imageExistsInRegistry=False,
            environment=environment.name,
            version=environment.version,
            python=sys.version.split()[0],
            pythonEnvironment={"condaDependencies": environment.python.conda_dependencies.as_dict()},
            dockerImage={"name": environment.docker.base_image},
        )
