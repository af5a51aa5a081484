"""What public notebooks write, word by word: names that are asked for, and what they do."""

import json
import struct

import pytest

from jupyter_aml import Datastore, Environment, Workspace
from jupyter_aml.errors import ComputeTargetException, NotFoundException, UserErrorException
from jupyter_aml.interop import azureml, pagers


@pytest.fixture
def alias():
    azureml.enable()
    yield
    azureml.disable()


def test_every_way_to_log_in_opens_a_workspace(alias, monkeypatch):
    from azureml.core import Workspace
    from azureml.core.authentication import (
        ArmTokenAuthentication,
        Audience,
        AzureCliAuthentication,
        InteractiveLoginAuthentication,
        MsiAuthentication,
        ServicePrincipalAuthentication,
        TokenAuthentication,
    )

    Workspace.create("place")
    monkeypatch.setenv("JUPYTER_TOKEN", "of-the-server")
    ways = [
        InteractiveLoginAuthentication(tenant_id="t", force=True),
        AzureCliAuthentication(),
        MsiAuthentication(),
        ServicePrincipalAuthentication(tenant_id="t", service_principal_id="i", service_principal_password="hidden"),
        TokenAuthentication(get_token_for_audience=lambda audience: f"for {audience}"),
        ArmTokenAuthentication("given"),
    ]
    for auth in ways:
        assert Workspace(subscription_id="s", resource_group="g", workspace_name="place", auth=auth).name == "place"
        header = auth.get_authentication_header()["Authorization"]
        assert header.startswith("Bearer ") and "of-the-server" not in header and "hidden" not in repr(vars(auth))
    assert ways[4].get_token(Audience.aml) == "for https://ml.azure.com"
    assert ways[0].signed_session().headers["Authorization"] == "Bearer local"
    with pytest.raises(UserErrorException):
        TokenAuthentication("no function")


def test_exceptions_have_the_names_and_parts_that_notebooks_ask_for(alias):
    from azureml.core import Workspace
    from azureml.exceptions import (
        AuthenticationException,
        ExperimentExecutionException,
        ProjectSystemException,
        ServiceException,
        TrainingException,
    )

    with pytest.raises(ProjectSystemException) as caught:
        Workspace.get(name="nowhere", subscription_id="s", resource_group="g")
    assert "nowhere" in caught.value.message and caught.value.inner_exception is None
    try:
        raise ComputeTargetException("outer") from ValueError("inner")
    except ComputeTargetException as error:
        assert isinstance(error.inner_exception, ValueError)
    assert {AuthenticationException, ExperimentExecutionException, ServiceException, TrainingException}


def test_classes_are_found_where_the_sdk_had_them_too(alias):
    from azureml.core.container_registry import ContainerRegistry
    from azureml.core.run import RunStatus
    from azureml.core.runconfig import ContainerRegistry as Other
    from azureml.core.runconfig import DataReferenceConfiguration, EnvironmentDefinition

    assert Other is ContainerRegistry and DataReferenceConfiguration().mode == "mount"
    assert EnvironmentDefinition("x").python.conda_dependencies is not None
    assert RunStatus.COMPLETED == "Completed" and RunStatus.QUEUED in RunStatus.get_running_statuses()


def test_names_of_datastores_are_found_in_any_case():
    ws = Workspace.create("cases")
    Datastore.register_azure_blob_container(ws, "MyStore", "box", "account", account_key="key")
    assert (
        Datastore.get(ws, "mystore").name == Datastore(ws, "MYSTORE").name == ws.datastores["mystore"].name == "MyStore"
    )
    ws.set_default_datastore("mySTORE")
    assert ws.get_default_datastore().name == "MyStore"
    with pytest.raises(UserErrorException, match="already"):
        Datastore.register_azure_blob_container(ws, "mystore", "box", "account", account_key="key")
    with pytest.raises(UserErrorException, match="belongs to the workspace"):
        Datastore.register_azure_blob_container(ws, "WorkspaceBlobStore", "box", "account", account_key="key")
    with pytest.raises(NotFoundException):
        Datastore.get(ws, "another")
    assert "another" not in ws.datastores


def test_curated_environments_of_every_year_and_machine_are_there():
    ws = Workspace.create("curated")
    for name, package in (
        ("AzureML-PyTorch-1.6-GPU", "torch"),
        ("AzureML-tensorflow-2.4-ubuntu18.04-py37-gpu", "tensorflow"),
    ):
        found = Environment.get(workspace=ws, name=name)
        assert found.name == name and package in list(found.python.conda_dependencies.pip_packages)
        assert ws.environments[name].name == name and found.clone("own").register(ws).name == "own"
    with pytest.raises(NotFoundException):
        Environment.get(ws, "AzureML-Nobody-Knows")
    assert "AzureML-Nobody-Knows" not in ws.environments


def test_a_config_that_names_the_workspace_by_its_resource_id(tmp_path):
    (tmp_path / ".azureml").mkdir()
    scope = "/subscriptions/12-34/resourceGroups/Group/providers/Microsoft.MachineLearningServices/workspaces/Mine"
    (tmp_path / ".azureml" / "config.json").write_text(json.dumps({"Id": None, "Scope": scope}))
    ws = Workspace.from_config(tmp_path)
    assert (ws.name, ws.resource_group, ws.subscription_id) == ("Mine", "Group", "12-34")


def test_a_config_is_read_from_where_it_was_asked_to_be_written(tmp_path):
    Workspace.create("written").write_config(path=str(tmp_path / "some"), file_name="ws_config.json")
    assert Workspace.from_config(path=str(tmp_path / "some" / "ws_config.json")).name == "written"
    with pytest.raises(UserErrorException):
        Workspace.from_config(path=str(tmp_path / "some" / "other.json"))


def test_a_pager_shows_its_file_and_waits_for_nobody():
    shown = pagers.transform(["x = 1\n", "get_ipython().system('more hello.py')\n"])
    assert shown == ["x = 1\n", "get_ipython().system('more hello.py | cat')\n"]
    for left in (
        "get_ipython().system('ls | more -5')\n",
        "get_ipython().system('echo more a.txt')\n",
        "text = \"get_ipython().system('more a.txt')\"\n",
        "get_ipython().system('more a.txt > b.txt')\n",
    ):
        assert pagers.transform([left]) == [left]


def test_the_data_that_the_first_tutorial_begins_with(alias):
    pytest.importorskip("sklearn")
    from azureml.core import Workspace
    from azureml.opendatasets import Diabetes

    frame = Diabetes.get_tabular_dataset().to_pandas_dataframe().dropna()
    assert frame.shape == (442, 11) and list(frame.iloc[0, :4]) == [59, 2, 32.1, 101.0] and frame.pop("Y")[0] == 151
    kept = Diabetes.get_tabular_dataset().register(Workspace.create("open"), "diabetes")
    assert kept.take(3).to_pandas_dataframe().shape == (3, 11)


def test_metrics_are_exported_as_tensorboard_reads_them(alias, tmp_path, monkeypatch):
    from azureml.core import Experiment, Workspace
    from azureml.tensorboard import Tensorboard
    from azureml.tensorboard.export import export_to_tensorboard

    with Experiment(Workspace.create("board"), "one").start_logging(snapshot_directory=None) as run:
        run.log("loss", 0.5, step=0)
        run.log("loss", 0.25, step=300)
        run.log("said", "text")
        with run.child_run("part") as child:
            child.log("y", 2)
    export_to_tensorboard(run, tmp_path / "board")
    [file] = (tmp_path / "board" / run.id).iterdir()
    data = file.read_bytes()
    assert data.startswith(bytes.fromhex("18000000 00000000 a37f4b22 09")), (
        "length, and its checksum as TensorFlow has it"
    )
    events = []
    while data:
        size = int.from_bytes(data[:8], "little")
        events.append(data[12 : 12 + size])
        data = data[16 + size :]
    assert events[0].endswith(b"\x1a\x0dbrain.Event:2") and len(events) == 3
    assert events[1].endswith(b"\x2a\x0d\x0a\x0b\x0a\x04loss\x15" + struct.pack("<f", 0.5))
    assert events[2][9:] == b"\x10\xac\x02\x2a\x0d\x0a\x0b\x0a\x04loss\x15" + struct.pack("<f", 0.25)
    assert (tmp_path / "board" / child.id).is_dir() and run.id in file.name
    monkeypatch.setattr("jupyter_aml.interop.tensorboard.find_spec", lambda name: None)
    with pytest.raises(UserErrorException, match="pip install tensorboard"):
        Tensorboard([run], local_root=str(tmp_path / "board")).start()
