"""An instance: it runs until it is stopped, and what runs in it stays within its limits."""

import json
from importlib.metadata import EntryPoint, entry_points

import pytest
from conftest_compute import alive, kill, number_in, until

from jupyter_aml.compute import sizes
from jupyter_aml.compute.instance import ComputeInstance
from jupyter_aml.compute.target import ComputeTarget
from jupyter_aml.errors import ActivityFailedException, ComputeTargetException
from jupyter_aml.jobs.instance_kernels import PROVISIONER

LIMITS = """
import os, resource
print(len(os.sched_getaffinity(0)))
held = bytearray(1 << 28)
print("a quarter", flush=True)
held = bytearray(1 << 30)
print("too much")
"""
STAYS = "import os, sys, time\nopen(sys.argv[1], 'w').write(str(os.getpid()))\ntime.sleep(600)\n"


@pytest.fixture
def instance(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    sizes.put(bench.workspace, "TINY", cpus=1, memory_gb=1)
    made = {}

    def create(name="ci", **kw):
        wanted = ComputeInstance.provisioning_configuration(vm_size="tiny", ssh_public_access=False, **kw)
        made[name] = ComputeTarget.create(bench.workspace, name, wanted)
        return made[name]

    return create


def test_runs_have_its_limits_and_it_starts_and_stops(bench, instance, tmp_path, capsys):
    made = instance(description="mine")
    made.wait_for_completion(show_output=True)
    found = ComputeTarget(bench.workspace, "ci")
    assert type(found) is ComputeInstance and found.type == "ComputeInstance" and found.get_status().state == "Running"
    assert capsys.readouterr().out.endswith("Running\n")
    assert found.limits["by"] in ("cgroup v2", "processor affinity and rlimit") and found.limits["memory_gb"] == 1
    other = instance("second")
    run = bench.submit(LIMITS, "ci")
    with pytest.raises(ActivityFailedException, match=r"MemoryError|SIGKILL"):
        run.wait_for_completion()
    assert bench.log(run).startswith("1\na quarter\n") and "too much" not in bench.log(run)

    stays = bench.submit(STAYS, made, arguments=[tmp_path / "pid"])
    pid = number_in(tmp_path / "pid")
    with pytest.raises(ComputeTargetException, match="force=True"):
        made.delete()
    made.stop(wait_for_completion=True)
    stays.wait_for_completion(raise_on_error=False)
    assert stays.get_status() == "Failed" and not alive(pid) and made.get_status().serialize()["state"] == "Stopped"
    assert other.get_status().state == "Running" or other.wait_for_completion() is None
    with pytest.raises(ComputeTargetException, match=r"start\(\) starts it"):
        bench.submit("pass\n", made)
    made.start(wait_for_completion=True)
    first = bench.launchers()["compute/ci"]
    kill(first)
    assert bench.submit("pass\n", made).wait_for_completion()["status"] == "Completed"
    assert bench.launchers()["compute/ci"] != first
    made.delete()
    other.delete(force=True)
    until(lambda: not bench.launchers())
    assert bench.workspace.compute_targets == {} and not list((tmp_path / "data" / "kernels").glob("*"))


def test_its_kernels_are_offered_have_its_limits_and_keep_it_from_stopping(bench, instance, tmp_path):
    from jupyter_client.manager import start_new_kernel
    from jupyter_client.provisioning import KernelProvisionerFactory

    group = "jupyter_client.kernel_provisioners"
    if not entry_points(group=group, name=PROVISIONER):  # an installation that is older than this entry point
        value = "jupyter_aml.jobs.instance_kernels:InstanceProvisioner"
        KernelProvisionerFactory.instance().provisioners[PROVISIONER] = EntryPoint(PROVISIONER, value, group)
    made = instance(idle_seconds_before_shutdown=4)
    made.wait_for_completion()
    (folder,) = (tmp_path / "data" / "kernels").glob("*")
    assert "ci: 1 processors, 1 GB" in json.loads((folder / "kernel.json").read_text())["display_name"]
    manager, client = start_new_kernel(kernel_name=folder.name)
    try:
        client.wait_for_ready(30)
        code = "import os; print(len(os.sched_getaffinity(0)), flush=True)\nheld = bytearray(1 << 31)"
        said = []
        reply = client.execute_interactive(code, timeout=30, output_hook=lambda m: said.append(m["content"]))
        assert reply["content"]["ename"] == "MemoryError" and "1\n" in [m.get("text") for m in said]
        assert made.get_status().state == "Running"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    until(lambda: made.get_status().state == "Stopped")
    until(lambda: not folder.exists())
