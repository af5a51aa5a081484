"""A cluster: nodes come with runs and go again; whatever is killed, no run stays Running."""

import pytest
from conftest_compute import alive, kill, number_in, until

from jupyter_aml.compute.amlcompute import AmlCompute
from jupyter_aml.compute.target import ComputeTarget
from jupyter_aml.errors import ComputeTargetException
from jupyter_aml.jobs import launching
from jupyter_aml.jobs.distributed import MpiConfiguration

pytest.importorskip("distributed")
STAYS = """
import os, sys, time
begun = open(sys.argv[1] + ".begun", "a"); begun.write("x"); begun.close()
open(sys.argv[1], "w").write(str(os.getpid()))
if open(sys.argv[1] + ".begun").read().count("x") < int(sys.argv[2]):
    time.sleep(600)
"""


@pytest.fixture
def cluster(bench):
    def made(**kw):
        settings = {"max_nodes": 2, "idle_seconds_before_scaledown": 1, **kw}
        return ComputeTarget.create(bench.workspace, "cpu-cluster", AmlCompute.provisioning_configuration(**settings))

    return made


def test_nodes_come_with_runs_and_go_again_and_a_deleted_cluster_ends_what_it_has(bench, cluster, tmp_path):
    target = cluster()
    logs = "from jupyter_aml import Run\nRun.get_context().log('a', 1)\nprint('on a node')\n"
    run = bench.submit(logs, "cpu-cluster")
    assert run.wait_for_completion()["status"] == "Completed"
    assert (
        bench.log(run) == "on a node\n"
        and run.get_metrics() == {"a": 1}
        and run.get_details()["target"] == "cpu-cluster"
    )
    both = [bench.submit(STAYS, target, arguments=[tmp_path / name, 9]) for name in "ab"]
    pids = [number_in(tmp_path / name) for name in "ab"]
    waits = bench.submit("pass\n", target)
    until(lambda: target.get_status().node_state_counts.running_node_count == 2)
    nodes = until(lambda: {n["runId"] for n in target.list_nodes()} == {r.id for r in both} and target.list_nodes())
    assert {node["nodeState"] for node in nodes} == {"running"} and waits.get_status() == "Queued"
    until(lambda: [r.id for r in target.get_active_runs(status="Queued")] == [waits.id])
    with pytest.raises(ComputeTargetException, match=r"3 runs that have not ended.*force=True"):
        target.delete()
    both[0].cancel()
    assert waits.wait_for_completion()["status"] == "Completed" and both[0].get_status() == "Canceled"
    until(lambda: target.get_status().current_node_count == 1)
    target.delete(force=True)
    both[1].wait_for_completion()
    assert both[1].get_status() == "Canceled" and not any(alive(pid) for pid in pids)
    until(lambda: not bench.launchers())
    with pytest.raises(ComputeTargetException, match="NotFound"):
        bench.submit("pass\n", target)


@pytest.mark.slow
def test_a_killed_node_is_replaced_and_its_run_fails_or_is_tried_again(bench, cluster, tmp_path):
    target = cluster()
    once = bench.submit(STAYS, target, arguments=[tmp_path / "once", 9])
    twice = bench.submit(STAYS, target, attempts=2, arguments=[tmp_path / "twice", 2])
    pids = [number_in(tmp_path / name) for name in ("once", "twice")]
    nodes = until(lambda: len(_pids(bench)) == 2 and _pids(bench))
    for pid in nodes:
        kill(pid)
    for run in (once, twice):
        run.wait_for_completion(raise_on_error=False)
    assert once.get_status() == "Failed" and once._record().error["code"] in ("ProcessDied", "LauncherDied")
    assert twice.get_status() == "Completed" and (tmp_path / "twice.begun").read_text() == "xx"
    until(lambda: not any(alive(pid) for pid in pids))
    assert bench.submit("pass\n", target).wait_for_completion()["status"] == "Completed"
    until(lambda: bench.store.jobs() == [])


@pytest.mark.slow
def test_a_killed_manager_is_started_again_and_goes_on_with_what_waits(bench, cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(launching, "STARTING", 1.0)
    target = cluster(max_nodes=1)
    once = bench.submit(STAYS, target, arguments=[tmp_path / "once", 9])
    pid = number_in(tmp_path / "once")
    waits = bench.submit("print('at last')\n", target)
    node, manager = _pids(bench)[0], bench.launchers()["compute/cpu-cluster"]
    kill(manager)
    until(lambda: not alive(node) and not alive(pid))
    for run in (once, waits):  # looking is enough
        run.wait_for_completion(raise_on_error=False)
    assert once.get_status() == "Failed" and waits.get_status() == "Completed" and bench.log(waits) == "at last\n"
    assert bench.launchers()["compute/cpu-cluster"] != manager


@pytest.mark.slow
def test_a_run_on_two_nodes_has_both_and_one_that_needs_more_is_refused(bench, cluster):
    target = cluster(min_nodes=1)
    target.wait_for_completion(min_node_count=1)
    assert target.get_status().current_node_count == 1
    tells = "import os\nprint(os.environ['OMPI_COMM_WORLD_RANK'], os.environ['OMPI_COMM_WORLD_SIZE'])\n"
    run = bench.submit(tells, target, distributed_job_config=MpiConfiguration(node_count=2))
    after = bench.submit("pass\n", target)
    assert run.wait_for_completion()["status"] == after.wait_for_completion()["status"] == "Completed"
    assert [bench.log(run, f"azureml-logs/70_driver_log_{rank}.txt") for rank in (0, 1)] == ["0 2\n", "1 2\n"]
    with pytest.raises(ComputeTargetException, match="needs 3 nodes"):
        bench.submit(tells, target, distributed_job_config=MpiConfiguration(node_count=3))


def test_nodes_that_cannot_be_had_fail_the_run_with_the_reason(bench, cluster):
    target = cluster(nodes={"backend": "jobqueue", "class": "SLURMCluster"})
    run = bench.submit("pass\n", target)
    run.wait_for_completion(raise_on_error=False)
    assert run.get_status() == "Failed" and "dask-jobqueue" in run._record().error["message"]


def _pids(bench):
    """Processes of the nodes: those that the manager's fork server has made."""
    import psutil

    manager = psutil.Process(bench.launchers()["compute/cpu-cluster"])
    servers = [p for p in manager.children() if "multiprocessing.forkserver" in " ".join(p.cmdline())]
    return [p.pid for server in servers for p in server.children()]
