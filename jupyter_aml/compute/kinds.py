"""All kinds of compute targets: to import this makes `ComputeTarget` know them."""

from jupyter_aml.compute.amlcompute import AmlCompute
from jupyter_aml.compute.instance import ComputeInstance
from jupyter_aml.compute.remote import RemoteCompute

__all__ = ["AmlCompute", "ComputeInstance", "RemoteCompute"]
