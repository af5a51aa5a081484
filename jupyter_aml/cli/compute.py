"""`aml compute`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from jupyter_aml.cli import output
from jupyter_aml.cli.base import Aml, Group, completing, confirm, pairs, pass_aml
from jupyter_aml.errors import UserErrorException


def target_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> Sequence[str]:
    """Shell completion of compute targets."""
    try:
        return [name for name in completing(ctx).store.asset_names("compute") if name.startswith(incomplete)]
    except Exception:  # a completion is never an error
        return []


NAME = click.argument("name", shell_complete=target_names)
WAIT = click.option("--wait", is_flag=True, help="Wait until it is so.")
FORCE = click.option("--force", is_flag=True, help="Cancel its runs.")
YES = click.option("--yes", "-y", is_flag=True, help="Don't ask.")


def _of(aml: Aml, name: str) -> Any:
    from jupyter_aml.compute.target import ComputeTarget

    return ComputeTarget(aml.workspace, name)


def _instance(aml: Aml, name: str) -> Any:
    from jupyter_aml.compute.instance import ComputeInstance

    return ComputeInstance(aml.workspace, name)


def _told(target: Any) -> dict[str, Any]:
    from jupyter_aml.compute.shown import about

    return about(target)


@click.group(cls=Group)
def compute() -> None:
    """Compute targets: list, create, start, stop, attach, delete."""


@compute.command("list")
@pass_aml
def list_(aml: Aml) -> None:
    """The workspace's compute targets: clusters, instances, attached machines."""
    found = [_told(target) for target in aml.workspace.compute_targets.values()]
    rows = [
        [t["name"], t["type"], t["state"], _nodes(t), t["running"], t["queued"], t.get("vm_size", "")] for t in found
    ]

    def show() -> None:
        if not found:
            click.echo("There are no compute targets yet; runs go to this machine (local).")
            return
        heads = ["NAME", "TYPE", "STATE", "NODES", "RUNNING", "QUEUED", "SIZE"]
        output.table(heads, rows, right=["RUNNING", "QUEUED"], keep=["NAME"])

    aml.emit({"targets": found}, show, next="aml compute show NAME" if found else "aml compute create NAME")


def _nodes(told: dict[str, Any]) -> str:
    return f"{told['current_nodes']} of {told['max_nodes']}" if "current_nodes" in told else ""


@compute.command("show")
@NAME
@pass_aml
def show(aml: Aml, name: str) -> None:
    """One target: its state, nodes and queue."""
    told = _told(_of(aml, name))
    facts = {
        "Name": told["name"],
        "Type": told["type"],
        "State": told["state"],
        "Size": told.get("vm_size", ""),
        "Nodes": _nodes(told),
        "Address": f"{told['username']}@{told['address']}:{told['ssh_port']}" if "address" in told else "",
        "Idle": f"{told['idle_seconds']} s" if told.get("idle_seconds") is not None else "",
        "Enforced by": (told.get("limits") or {}).get("by", ""),
        "Runs": f"{told['running']} running, {told['queued']} queued",
        "Created": output.moment(told["created"]),
        "Description": told["description"],
        "Errors": "; ".join(str(one.get("message")) for one in told.get("errors") or []),
    }
    aml.emit(told, lambda: output.facts(facts), next=f"aml compute delete {name}")


@compute.command("nodes")
@NAME
@pass_aml
def nodes(aml: Aml, name: str) -> None:
    """The nodes of a cluster, and what each executes."""
    from jupyter_aml.compute.amlcompute import AmlCompute

    found = AmlCompute(aml.workspace, name).list_nodes()
    rows = [[n["nodeId"], n["nodeState"], n["privateIpAddress"], n["port"], n["runId"]] for n in found]
    aml.emit(
        {"nodes": found},
        lambda: (
            output.table(["NODE", "STATE", "HOST", "PORT", "RUN"], rows, keep=["RUN"])
            if found
            else click.echo("No nodes now.")
        ),
    )


@compute.command("create")
@NAME
@click.option(
    "--type", "kind", type=click.Choice(["cluster", "instance"]), default="cluster", show_default=True,
    help="A cluster that scales with its queue, or one workstation.",
)  # fmt: skip
@click.option("--vm-size", default="", help="Size of a machine, as STANDARD_D2_V2.")
@click.option("--min-nodes", type=click.IntRange(0), default=0, show_default=True, help="Nodes of a cluster, always.")
@click.option("--max-nodes", type=click.IntRange(0), default=4, show_default=True, help="Nodes of a cluster at most.")
@click.option("--idle-seconds", type=click.IntRange(0), help="Without a run: a node goes, an instance stops.")
@click.option("--description", help="What it is for.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Repeatable.")
@WAIT
@pass_aml
def create(
    aml: Aml, name: str, kind: str, vm_size: str, min_nodes: int, max_nodes: int, idle_seconds: int | None,
    description: str | None, tags: Sequence[str], wait: bool,
) -> None:  # fmt: skip
    """Create a cluster or an instance; one of that name gets the new settings."""
    from jupyter_aml.compute.amlcompute import AmlCompute
    from jupyter_aml.compute.instance import ComputeInstance
    from jupyter_aml.compute.target import ComputeTarget

    common: dict[str, Any] = {"vm_size": vm_size, "description": description, "tags": pairs(tags)}
    wanted: Any = (
        AmlCompute.provisioning_configuration(
            min_nodes=min_nodes, max_nodes=max_nodes, idle_seconds_before_scaledown=idle_seconds, **common
        )
        if kind == "cluster"
        else ComputeInstance.provisioning_configuration(idle_seconds_before_shutdown=idle_seconds, **common)
    )
    made: Any = ComputeTarget.create(aml.workspace, name, wanted)
    if wait and kind == "cluster":
        made.wait_for_completion(min_node_count=min_nodes)
    elif wait:
        made.wait_for_completion()
    made.refresh_state()
    aml.emit(_told(made), f"{output.clean(name)} is there.", next=f"aml compute show {name}")


@compute.command("attach")
@NAME
@click.option("--address", required=True, help="Name or IP address of the machine.")
@click.option("--username", required=True, help="The user there.")
@click.option("--ssh-port", type=click.IntRange(1, 65535), default=22, show_default=True, help="Its SSH server's port.")
@click.option("--private-key-file", type=click.Path(exists=True, dir_okay=False), help="The user's private key.")
@click.option("--secret-stdin", is_flag=True, help="Read the password, or the key's passphrase, from standard input.")
@click.option("--python", default="python3", show_default=True, help="The Python there, 3.10 or newer.")
@pass_aml
def attach(
    aml: Aml,
    name: str,
    address: str,
    username: str,
    ssh_port: int,
    private_key_file: str | None,
    secret_stdin: bool,
    python: str,
) -> None:
    """Attach a machine that is reached by SSH; its credentials go into the key vault."""
    from jupyter_aml.compute.remote import RemoteCompute
    from jupyter_aml.compute.target import ComputeTarget

    secret = sys.stdin.readline().rstrip("\r\n") if secret_stdin else ""
    wanted = RemoteCompute.attach_configuration(
        username, address=address, ssh_port=ssh_port, private_key_file=private_key_file or "", python=python,
        password="" if private_key_file else secret, private_key_passphrase=secret if private_key_file else "",
    )  # fmt: skip
    made = ComputeTarget.attach(aml.workspace, name, wanted)
    aml.emit(_told(made), f"{output.clean(name)} is attached.", next=f"aml compute show {name}")


@compute.command("start")
@NAME
@WAIT
@pass_aml
def start(aml: Aml, name: str, wait: bool) -> None:
    """Start an instance, on this machine."""
    found = _instance(aml, name)
    found.start(wait_for_completion=wait)
    aml.emit(_told(found), f"{output.clean(name)} is {found.state}.")


@compute.command("stop")
@NAME
@WAIT
@pass_aml
def stop(aml: Aml, name: str, wait: bool) -> None:
    """Stop an instance: its runs fail, its kernels end."""
    found = _instance(aml, name)
    found.stop(wait_for_completion=wait)
    aml.emit(_told(found), f"{output.clean(name)} is {found.state}.")


@compute.command("resize")
@NAME
@click.option("--min-nodes", type=click.IntRange(0), help="Nodes that are always there.")
@click.option("--max-nodes", type=click.IntRange(0), help="Nodes at most.")
@click.option("--idle-seconds", type=click.IntRange(0), help="Seconds without a run after which a node goes.")
@pass_aml
def resize(aml: Aml, name: str, min_nodes: int | None, max_nodes: int | None, idle_seconds: int | None) -> None:
    """Change between how many nodes a cluster scales."""
    from jupyter_aml.compute.amlcompute import AmlCompute

    if min_nodes is None and max_nodes is None and idle_seconds is None:
        raise UserErrorException("Say what to change: --min-nodes, --max-nodes or --idle-seconds.")
    found = AmlCompute(aml.workspace, name)
    found.update(min_nodes, max_nodes, idle_seconds)
    scale = found.scale_settings
    text = f"{output.clean(name)} has {scale.minimum_node_count} to {scale.maximum_node_count} nodes."
    aml.emit(_told(found), text, next=f"aml compute nodes {name}")


@compute.command("delete")
@NAME
@FORCE
@YES
@pass_aml
def delete(aml: Aml, name: str, force: bool, yes: bool) -> None:
    """Delete a cluster or an instance; detach a machine."""
    found = _of(aml, name)
    if not yes:
        confirm(aml, f"Delete the compute target {output.clean(name)!r}?")
    (found.detach if found.is_attached else found.delete)(force=force)
    aml.emit({"deleted": name}, f"{output.clean(name)} is deleted.")


@compute.command("sizes")
@pass_aml
def sizes(aml: Aml) -> None:
    """The sizes of machines that the workspace knows."""
    from jupyter_aml.compute.sizes import table

    found = [size._sdk() for size in table(aml.workspace).values()]
    rows = [[s["name"], s["vCPUs"], f"{s['memoryGB']:g}", s["gpus"] or ""] for s in found]
    aml.emit(
        {"sizes": found}, lambda: output.table(["SIZE", "CPUS", "MEMORY GB", "GPUS"], rows, right=["CPUS", "MEMORY GB"])
    )


@compute.command("size")
@click.argument("name")
@click.option("--cpus", type=click.IntRange(1), required=True, help="Processors.")
@click.option("--memory-gb", type=click.FloatRange(0.1), required=True, help="Memory in GB.")
@click.option("--gpus", type=click.IntRange(0), default=0, help="Graphics processors.")
@pass_aml
def size(aml: Aml, name: str, cpus: int, memory_gb: float, gpus: int) -> None:
    """Change or add a size of machines."""
    from jupyter_aml.compute.sizes import put

    made = put(aml.workspace, name, cpus=cpus, memory_gb=memory_gb, gpus=gpus)
    aml.emit(made._sdk(), f"{output.clean(name)} has {cpus} processors and {memory_gb:g} GB.", next="aml compute sizes")
