"""Compute: the targets that runs are submitted to: clusters, instances, attached machines.

`ComputeTarget` (target.py) is what they share; `AmlCompute` (amlcompute.py) a cluster that scales with its queue,
`ComputeInstance` (instance.py) a workstation with limits, `RemoteCompute` (remote.py) a machine reached by SSH. `sizes.py`
says what a ``vm_size`` stands for. Whoever serves their queues is in `jobs`.
"""
