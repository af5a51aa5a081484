from jupyter_aml.compute.target import ComputeTarget


class ComputeInstance(ComputeTarget):
    _compute_type = "ComputeInstance"
