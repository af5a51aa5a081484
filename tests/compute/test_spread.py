"""A run on several nodes: its processes are on different ones, talk to each other, and end together."""

import os

import psutil
import pytest
from conftest_compute import alive, kill, number_in, until

from jupyter_aml.compute.amlcompute import AmlCompute
from jupyter_aml.compute.target import ComputeTarget
from jupyter_aml.jobs.distributed import MpiConfiguration, PyTorchConfiguration

pytest.importorskip("distributed")
TALKS = """
import os, pathlib, socket, time
rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
node = os.getppid()  # the keeper, one on each node
words = os.environ["NODE_RANK"], os.environ["LOCAL_RANK"], os.environ["LOCAL_WORLD_SIZE"]
if rank == 0:
    heard = {}
    with socket.create_server(place) as server:
        while len(heard) < size - 1:
            peer, _ = server.accept()
            number, other = peer.recv(100).split()
            heard[int(number)] = int(other)
            peer.close()
    print("apart", [heard[n] == node for n in sorted(heard)], *words)
    from azureml.core import Run
    Run.get_context().log("sum", sum(heard))
else:
    for _ in range(400):
        try:
            with socket.create_connection(place) as peer:
                peer.sendall(f"{rank} {node}".encode())
            break
        except OSError:
            time.sleep(0.05)
    pathlib.Path(f"outputs/{rank}.txt").write_text(str(rank))
    print("told", *words)
"""
STAYS = """
import os, sys, time
rank = os.environ["OMPI_COMM_WORLD_RANK"]
open(sys.argv[1] + rank, "w").write(str(os.getpid()))
while not os.path.exists(sys.argv[1] + "fail" + rank):
    time.sleep(0.02)
raise RuntimeError("gave up")
"""


@pytest.fixture
def target(bench):
    wanted = AmlCompute.provisioning_configuration(max_nodes=2, idle_seconds_before_scaledown=30)
    return ComputeTarget.create(bench.workspace, "pair", wanted)


def driver(bench, run, rank):
    return bench.log(run, f"azureml-logs/70_driver_log_{rank}.txt")


@pytest.mark.slow
def test_processes_are_on_different_nodes_talk_and_end_together(bench, target, tmp_path):
    run = bench.submit(TALKS, target, distributed_job_config=PyTorchConfiguration("Gloo", 4, 2))
    assert run.wait_for_completion()["status"] == "Completed"
    assert driver(bench, run, 0) == "apart [True, False, False] 0 0 2\n" and run.get_metrics() == {"sum": 6}
    assert [driver(bench, run, rank) for rank in (1, 2, 3)] == ["told 0 1 2\n", "told 1 0 2\n", "told 1 1 2\n"]
    assert {f"outputs/{rank}.txt" for rank in (1, 2, 3)} <= set(run.get_file_names())

    def begin(name, attempts=1):
        both = MpiConfiguration(node_count=2)
        run = bench.submit(STAYS, target, attempts, arguments=[tmp_path / name], distributed_job_config=both)
        return run, [number_in(tmp_path / f"{name}{rank}") for rank in (0, 1)]

    def ended(run, pids, status):
        run.wait_for_completion(raise_on_error=False)
        until(lambda: not any(alive(pid) for pid in pids))
        assert run.get_status() == status
        return run._record().error

    for rank in (0, 1):  # one that fails ends the other
        run, pids = begin(f"fails{rank}-")
        (tmp_path / f"fails{rank}-fail{rank}").touch()
        error = ended(run, pids, "Failed")
        assert error["message"] == f"Rank {rank} failed with RuntimeError: gave up (exit code 1)"
    run, pids = begin("canceled-")
    run.cancel()
    assert ended(run, pids, "Canceled") is None
    run, pids = begin("second-")
    kill(node_of(pids[1]))
    error = ended(run, pids, "Failed")
    assert error["code"] == "ProcessDied" and "Node 1 of the run (127.0.0.1) was killed" in error["message"]
    run, pids = begin("first-", attempts=2)
    kill(node_of(pids[0]))
    until(lambda: not any(alive(pid) for pid in pids))
    until(lambda: not {number_in(tmp_path / f"first-{rank}") for rank in (0, 1)} & set(pids))  # tried again
    (tmp_path / "first-fail0").touch()
    ended(run, [number_in(tmp_path / f"first-{rank}") for rank in (0, 1)], "Failed")
    until(lambda: bench.store.jobs() == [])


def node_of(pid):
    """The Dask worker that a script's nursery and keeper belong to."""
    keeper = psutil.Process(pid).parent()
    return keeper.parent().ppid()


assert os.name == "posix"
