"""`aml compute`."""

from jupyter_aml.compute.amlcompute import AmlCompute
from jupyter_aml.workspace import Workspace


def test_a_cluster_from_its_creation_to_its_end(aml, here) -> None:
    assert "no compute targets" in aml("compute", "list")
    made = aml("compute", "create", "cpu-cluster", "--max-nodes", "2", "--tag", "a=b", "--json")
    assert (made["type"], made["max_nodes"], made["tags"], made["nodes"]) == ("AmlCompute", 2, {"a": "b"}, [])
    words = aml("compute", "list").split("\n")[1].split()
    assert words == ["cpu-cluster", "AmlCompute", "Steady", "0", "of", "2", "0", "0", "STANDARD_D2_V2"]
    assert "0 to 7 nodes" in aml("compute", "resize", "cpu-cluster", "--max-nodes", "7")
    assert AmlCompute(Workspace.from_config(), "cpu-cluster").scale_settings.maximum_node_count == 7
    assert "0 of 7" in aml("compute", "show", "cpu-cluster") and "No nodes" in aml("compute", "nodes", "cpu-cluster")
    assert "Did you mean 'cpu-cluster'" in aml("compute", "show", "cpu-clutser", code=1)
    aml("compute", "size", "ours", "--cpus", "3", "--memory-gb", "5")
    assert [s["vCPUs"] for s in aml("compute", "sizes", "--json")["sizes"] if s["name"] == "ours"] == [3]
    aml("compute", "create", "other", "--vm-size", "nothing", code=1)
    aml("compute", "resize", "cpu-cluster", code=2)
    aml("compute", "delete", "cpu-cluster", "--yes")
    assert aml("compute", "list", "--json")["targets"] == []
