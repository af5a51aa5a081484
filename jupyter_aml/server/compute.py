"""Compute targets over REST: their state, nodes and queue; create, start, stop, resize, delete. Of credentials nothing is told."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_aml.compute import sizes
from jupyter_aml.compute.amlcompute import AmlCompute
from jupyter_aml.compute.instance import ComputeInstance
from jupyter_aml.compute.remote import RemoteCompute
from jupyter_aml.compute.shown import about
from jupyter_aml.compute.target import ComputeTarget
from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.server.base import AmlHandler, answers

_CLUSTER = ("vm_size", "vm_priority", "min_nodes", "max_nodes", "idle_seconds_before_scaledown", "tags", "description")
_INSTANCE = ("vm_size", "idle_seconds_before_shutdown", "tags", "description")
_MACHINE = ("username", "address", "ssh_port", "password", "private_key_file", "private_key_passphrase", "python")
_RESIZE = ("min_nodes", "max_nodes", "idle_seconds_before_scaledown")


class ComputeHandlerBase(AmlHandler):
    """What they share. A run's token reaches none of it."""

    auth_resource = "jupyter_aml:compute"
    parameters = frozenset[str]()

    async def target(self, name: str, kind: type[ComputeTarget] = ComputeTarget) -> Any:
        """The target of that name."""
        workspace = await self.workspace()
        if await self.services.call(workspace.connection.store.asset, "compute", name) is None:
            known = await self.services.call(workspace.connection.store.asset_names, "compute")
            raise NotFoundException.of("compute target", name, known)
        return await self.services.call(kind, workspace, name)

    def given(self, allowed: tuple[str, ...]) -> dict[str, Any]:
        """What the body says, of these alone."""
        found = self.body()
        unknown = sorted(set(found) - set(allowed))
        if unknown:
            raise UserErrorException(f"{unknown[0]!r} is none of {', '.join(allowed)}.")
        return found


class ComputesHandler(ComputeHandlerBase):
    """`compute`."""

    repeatable = False
    """A body may hold a password, and an answer that is kept is kept with it."""

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """All targets: state, nodes, queue."""
        workspace = await self.workspace()
        return {"targets": await self.services.call(lambda: [about(t) for t in ComputeTarget.list(workspace)])}

    @web.authenticated
    @authorized
    @answers
    async def post(self) -> Any:
        """Create a target: {name, type: AmlCompute, ComputeInstance or VirtualMachine (attached), and its settings}."""
        body = self.body()
        name, kind = body.pop("name", None), body.pop("type", None)
        workspace = await self.workspace()

        def create() -> dict[str, Any]:
            if kind == "AmlCompute":
                wanted: Any = AmlCompute.provisioning_configuration(**_only(body, _CLUSTER))
                made = ComputeTarget.create(workspace, name, wanted)
            elif kind == "ComputeInstance":
                wanted = ComputeInstance.provisioning_configuration(**_only(body, _INSTANCE))
                made = ComputeTarget.create(workspace, name, wanted)
            elif kind == "VirtualMachine":
                wanted = RemoteCompute.attach_configuration(**{"username": "", **_only(body, _MACHINE)})
                made = ComputeTarget.attach(workspace, name, wanted)
            else:
                raise UserErrorException(f"type is AmlCompute, ComputeInstance or VirtualMachine, not {kind!r}.")
            return about(made)

        return await self.services.call(create)


class ComputeHandler(ComputeHandlerBase):
    """`compute/<name>`."""

    parameters = frozenset(["force"])

    @web.authenticated
    @authorized
    @answers
    async def get(self, name: str) -> Any:
        """One target: state, nodes, queue."""
        return await self.services.call(about, await self.target(name))

    @web.authenticated
    @authorized
    @answers
    async def patch(self, name: str) -> Any:
        """Resize a cluster: {min_nodes, max_nodes, idle_seconds_before_scaledown}."""
        wanted = self.given(_RESIZE)
        found = await self.target(name, AmlCompute)
        await self.services.call(lambda: found.update(**wanted))
        return await self.services.call(about, found)

    @web.authenticated
    @authorized
    @answers
    async def delete(self, name: str) -> Any:
        """Delete a cluster or an instance, detach a machine; with `force=1` its runs are cancelled."""
        found = await self.target(name)
        force = self.get_query_argument("force", "") == "1"
        await self.services.call(lambda: (found.detach if found.is_attached else found.delete)(force=force))


ACTIONS = ("start", "stop", "restart")


class ComputeActionHandler(ComputeHandlerBase):
    """`compute/<name>/start`, `stop`, `restart`: an instance."""

    @web.authenticated
    @authorized
    @answers
    async def post(self, name: str, action: str) -> Any:
        """Start, stop or restart an instance, on the server's machine."""
        if action not in ACTIONS:
            raise NotFoundException.of("action", action, ACTIONS)
        self.given(())
        found = await self.target(name, ComputeInstance)
        await self.services.call(getattr(found, action))
        await self.services.call(found.refresh_state)
        return await self.services.call(about, found)


class SizesHandler(ComputeHandlerBase):
    """`compute-sizes`."""

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """The sizes of machines that the workspace knows."""
        workspace = await self.workspace()
        found = await self.services.call(sizes.table, workspace)
        return {"sizes": [size._sdk() for size in found.values()]}


def _only(body: dict[str, Any], allowed: tuple[str, ...]) -> dict[str, Any]:
    unknown = sorted(set(body) - set(allowed))
    if unknown:
        raise UserErrorException(f"{unknown[0]!r} is none of {', '.join(allowed)}.")
    return body


NAME = r"([^/]{1,255})"
ROUTES: list[tuple[str, type]] = [
    (r"/compute", ComputesHandler),
    (rf"/compute/{NAME}", ComputeHandler),
    (rf"/compute/{NAME}/([^/]+)", ComputeActionHandler),
    (r"/compute-sizes", SizesHandler),
]
