"""Targets are things of the workspace: any process finds them by name, as what they are."""

import subprocess
import sys

import pytest

from jupyter_aml import Workspace
from jupyter_aml.compute import sizes
from jupyter_aml.compute.amlcompute import AmlCompute
from jupyter_aml.compute.instance import ComputeInstance
from jupyter_aml.compute.remote import RemoteCompute
from jupyter_aml.compute.target import ComputeTarget
from jupyter_aml.errors import ComputeTargetException, UserErrorException


@pytest.fixture
def workspace():
    return Workspace.default()


def cluster(workspace, name="cpu-cluster", **kw):
    return ComputeTarget.create(workspace, name, AmlCompute.provisioning_configuration(**{"max_nodes": 2, **kw}))


def test_a_cluster_that_is_not_there_is_created_and_found_by_every_way(workspace, capsys):
    for way in (ComputeTarget, AmlCompute):
        with pytest.raises(ComputeTargetException, match=r"ComputeTargetNotFound.*cpu-cluster"):
            way(workspace, "cpu-cluster")
    made = cluster(
        workspace, vm_size="Standard_D2_v2", max_nodes="4", idle_seconds_before_scaledown="300", tags={"a": "b"}
    )
    made.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)
    assert capsys.readouterr().out.startswith("Succeeded\nAmlCompute wait for completion finished")
    for found in (ComputeTarget(workspace, "cpu-cluster"), AmlCompute(workspace, "cpu-cluster"),
                  workspace.compute_targets["cpu-cluster"], workspace.get_default_compute_target()):  # fmt: skip
        assert type(found) is AmlCompute and found.type == "AmlCompute" and found.id == made.id
    assert made.provisioning_state == "Succeeded" and made.provisioning_errors is None and made.tags == {"a": "b"}
    told = made.get_status().serialize()
    assert told["scaleSettings"] == {"minNodeCount": 0, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT300S"}
    assert (told["currentNodeCount"], told["targetNodeCount"], told["allocationState"]) == (0, 0, "Steady")
    assert type(made.get_status()).deserialize(told).serialize() == told and made.list_nodes() == []
    said = made.serialize()
    assert said["properties"]["properties"]["vmSize"] == "STANDARD_D2_V2"
    assert ComputeTarget.deserialize(workspace, said).id == made.id
    code = "from jupyter_aml import Workspace; print(Workspace.default().compute_targets['cpu-cluster'].vm_size)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "STANDARD_D2_V2\n"


def test_creating_again_gives_the_new_settings_and_no_second_cluster(workspace):
    first = cluster(workspace)
    again = cluster(workspace, max_nodes=7)
    assert again.id == first.id and again.scale_settings.maximum_node_count == 7
    again.update(idle_seconds_before_scaledown="5")
    assert first.get_status().scale_settings.serialize() == {
        "minNodeCount": 0, "maxNodeCount": 7, "nodeIdleTimeBeforeScaleDown": "PT5S",
    }  # fmt: skip
    with pytest.raises(UserErrorException, match="min_nodes=8 is more than max_nodes=7"):
        again.update(min_nodes=8)
    first.delete()
    assert workspace.compute_targets == {}
    with pytest.raises(ComputeTargetException, match="NotFound"):
        again.get_status()


@pytest.mark.parametrize("name", ["", "a", "local", "../x", "two words", "1st", "x" * 65])
def test_a_name_that_cannot_be_is_refused(workspace, name):
    with pytest.raises(ComputeTargetException, match="name of a compute target"):
        cluster(workspace, name)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"vm_size": "STANDARD_D2_V"}, "Did you mean .*STANDARD_D2_V2"),
        ({"max_nodes": -1}, "max_nodes is a whole number, 0 or more, not -1"),
        ({"max_nodes": "many"}, "not 'many'"),
        ({"min_nodes": 3, "max_nodes": 2}, "more than max_nodes=2"),
        ({"vm_priority": "cheap"}, "'cheap'"),
        ({"nodes": {"backend": "magic"}}, "'magic'"),
        ({"nodes": {"backend": "ssh"}}, "hosts"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_their_value(workspace, wrong, says):
    with pytest.raises((ComputeTargetException, UserErrorException), match=says):
        cluster(workspace, **wrong)
    assert ComputeTarget.list(workspace) == []


def test_a_class_finds_only_targets_of_its_own_type(workspace):
    cluster(workspace)
    for other in (ComputeInstance, RemoteCompute):
        with pytest.raises(ComputeTargetException, match="of type AmlCompute"):
            other(workspace, "cpu-cluster")
    with pytest.raises(ComputeTargetException, match=r"Use delete\(\)"):
        ComputeTarget(workspace, "cpu-cluster").detach()


def test_the_workspace_edits_its_table_of_sizes(workspace):
    assert sizes.find(workspace, "standard_nc6").gpus == 1
    sizes.put(workspace, "Our_Big", cpus=64, memory_gb=512)
    sizes.put(workspace, "STANDARD_D2_V2", cpus=1, memory_gb=2)
    known = {one["name"].upper(): one for one in AmlCompute.supported_vmsizes(workspace)}
    assert known["OUR_BIG"]["vCPUs"] == 64 and known["STANDARD_D2_V2"]["memoryGB"] == 2
    assert cluster(workspace, vm_size="our_big").vm_size == "OUR_BIG"


def test_usages_are_counted_by_size_quotas_are_refused_and_identities_kept(workspace):
    made = cluster(workspace, vm_size="STANDARD_D2_V2", max_nodes=3)
    (used,) = AmlCompute.list_usages(workspace)
    assert (used["name"]["value"], used["currentValue"], used["limit"]) == ("STANDARD_D2_V2", 0, 3)
    assert len(AmlCompute.list_usages(workspace, show_all=True)) == len(AmlCompute.list_quotas(workspace)) > 10
    with pytest.raises(ComputeTargetException, match="max_nodes"):
        AmlCompute.update_quotas(workspace, "STANDARD_D2_V2", 5)
    made.add_identity("UserAssigned", ["/one", "/two"])
    made.remove_identity("/one")
    found = AmlCompute(workspace, "cpu-cluster")
    assert (found.identity_type, found.identity_id) == ("UserAssigned", ["/two"])
    found.remove_identity()
    assert (found.identity_type, found.identity_id) == (None, None)
