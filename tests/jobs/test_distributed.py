"""The processes of a distributed run find each other and talk, each into a log of its own."""

import pytest

from jupyter_aml.errors import UserErrorException
from jupyter_aml.jobs.distributed import MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration

TORCH = """
import os, socket, time
rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
if rank == 0:
    with socket.create_server(place) as server:
        total = 0
        for _ in range(size - 1):
            peer, _ = server.accept()
            total += int(peer.recv(10))
            peer.close()
    print("sum", total)
    from azureml.core import Run
    Run.get_context().log("sum", total)
else:
    for _ in range(200):
        try:
            with socket.create_connection(place) as peer:
                peer.sendall(str(rank).encode())
            break
        except OSError:
            time.sleep(0.05)
    print("rank", rank, "node", os.environ["NODE_RANK"], "local", os.environ["LOCAL_RANK"])
"""
TENSORFLOW = """
import json, os, socket, time
told = json.loads(os.environ["TF_CONFIG"])
mine = told["task"]
host, port = told["cluster"]["ps"][0].split(":")
if mine["type"] == "ps":
    with socket.create_server((host, int(port))) as server:
        while True:
            peer, _ = server.accept()
            print("asked by", peer.recv(10).decode(), flush=True)
            peer.sendall(b"weights")
            peer.close()
for _ in range(200):
    try:
        with socket.create_connection((host, int(port))) as peer:
            peer.sendall(str(mine["index"]).encode())
            print("got", peer.recv(10).decode())
        break
    except OSError:
        time.sleep(0.05)
"""
MPI = """
import os, sys, time
rank = int(os.environ["OMPI_COMM_WORLD_RANK"])
print("rank", rank, "of", os.environ["OMPI_COMM_WORLD_SIZE"], "local", os.environ["OMPI_COMM_WORLD_LOCAL_RANK"], flush=True)
if rank == 1:
    raise RuntimeError("one of us failed")
time.sleep(600)
"""


def driver(bench, run, which):
    return bench.log(run, f"azureml-logs/70_driver_log_{which}.txt")


def test_ranks_talk_to_each_other_and_one_that_fails_takes_the_others_with_it(bench):
    torch = bench.submit(TORCH, name="torch.py", distributed_job_config=PyTorchConfiguration("Gloo", 4, 2))
    flow = bench.submit(TENSORFLOW, name="flow.py", distributed_job_config=TensorflowConfiguration(2, 1))
    mpi = bench.submit(MPI, name="mpi.py", distributed_job_config=MpiConfiguration(3))
    assert torch.wait_for_completion()["status"] == "Completed"
    assert driver(bench, torch, 0) == "sum 6\n" and torch.get_metrics() == {"sum": 6}
    assert driver(bench, torch, 3) == "rank 3 node 1 local 1\n"
    assert flow.wait_for_completion()["status"] == "Completed", "servers end with the workers"
    assert driver(bench, flow, "worker_0") == driver(bench, flow, "worker_1") == "got weights\n"
    assert sorted(driver(bench, flow, "ps_0").splitlines()) == ["asked by 0", "asked by 1"]
    mpi.wait_for_completion(raise_on_error=False)
    assert mpi.status == "Failed"
    assert mpi._record().error["message"] == "Rank 1 failed with RuntimeError: one of us failed (exit code 1)"
    assert driver(bench, mpi, 0) == "rank 0 of 3 local 0\n"


def test_numbers_that_do_not_fit_are_refused(bench):
    with pytest.raises(UserErrorException, match="3 processes cannot be shared evenly by 2 nodes"):
        bench.submit("pass\n", distributed_job_config=PyTorchConfiguration("Nccl", 3, 2))
    with pytest.raises(UserErrorException, match="process_count_per_node"):
        MpiConfiguration(0)
    with pytest.raises(UserErrorException, match="Nccl or Gloo"):
        PyTorchConfiguration("mpi")
    with pytest.raises(UserErrorException, match="1 to 256"):
        bench.submit("pass\n", distributed_job_config=MpiConfiguration(1000))
