"""Datasets as what a run is given: how they stand in its arguments, how the process that is the run gets them.

What submits a run calls `pack_arguments`, whose result is JSON and is kept with the run. What starts its process calls
`resolve_arguments` with that (or with the arguments themselves): inputs are fetched or linked below `workdir`/inputs, places for
outputs are made, and the uses are written down. The variables that it returns go into the process's environment: by them
``run.input_datasets`` knows what there is. When the process has ended, `gather_outputs` with the same variables sends and
registers what it wrote.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jupyter_aml.data import output
from jupyter_aml.data.dataset import dataset_of, record_by_id
from jupyter_aml.data.dataset_base import KIND, AbstractDataset
from jupyter_aml.data.dataset_lineage import link
from jupyter_aml.data.dataset_paths import find_files
from jupyter_aml.data.file_dataset import FileDataset, changed_files, link_tree, told_changes
from jupyter_aml.errors import UserErrorException
from jupyter_aml.tracking.context import RUN_ID

INPUTS = "JUPYTER_AML_INPUTS"
OUTPUTS = output.OUTPUTS
REFERENCE = "AZUREML_DATAREFERENCE_"
MODES = ("direct", "mount", "download", "hdfs")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}\Z")


class DatasetConsumptionConfig:
    """A dataset as the input of a run.

    Args:
        name: of the input: letters, digits and underscores.
        dataset: the dataset, or an output of another run.
        mode: "direct" (the script gets the dataset), "mount" (a folder of links) or "download" (a folder of copies).
        path_on_compute: the folder then; by default one of the run's own.

    Raises:
        UserErrorException: such a name or mode cannot be, or a table is to be a folder.
    """

    def __init__(self, name: str, dataset: Any, mode: str = "direct", path_on_compute: str | None = None) -> None:
        if not isinstance(name, str) or not _NAME.match(name):
            raise UserErrorException(f"{name!r} is no name of an input: use letters, digits and underscores.")
        if mode not in MODES:
            raise UserErrorException(f"The mode of an input is one of {', '.join(MODES)}, not {mode!r}.")
        if mode != "direct" and isinstance(dataset, AbstractDataset) and not isinstance(dataset, FileDataset):
            raise UserErrorException(
                "A table has no files to mount or download; to_csv_files() or to_parquet_files() makes some."
            )
        self._name = name
        self.dataset = dataset
        self.mode = mode
        self.path_on_compute = path_on_compute

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def arg_val(self) -> str:
        """What stands for it in arguments that are shown."""
        return f"DatasetConsumptionConfig:{self._name}"

    def as_mount(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """As a folder of links to the files."""
        return DatasetConsumptionConfig(self._name, self.dataset, "mount", path_on_compute)

    def as_download(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """As a folder of copies of the files."""
        return DatasetConsumptionConfig(self._name, self.dataset, "download", path_on_compute)

    def as_hdfs(self) -> DatasetConsumptionConfig:
        """As `as_mount`: there is no HDFS here."""
        return DatasetConsumptionConfig(self._name, self.dataset, "mount")

    def __str__(self) -> str:
        return self.arg_val

    def __repr__(self) -> str:
        return f"<DatasetConsumptionConfig name={self._name!r} mode={self.mode!r}>"


class Resolved(NamedTuple):
    """Arguments as the process gets them."""

    arguments: list[str]
    variables: dict[str, str]
    """For its environment."""
    links: list[dict[str, Any]]
    """What was written down of its inputs: ``{"role", "kind", "asset", "label"}``."""


def pack_arguments(workspace: Any, arguments: Sequence[Any] | Mapping[str, Any] | None) -> list[Any]:
    """Arguments as JSON: text, or what `resolve_arguments` finds a place for.

    Args:
        workspace: whose run it will be.
        arguments: numbers, text, datasets, inputs, outputs, DataReferences; nested lists are laid flat. Of a mapping (an
            estimator's script_params) names and values follow each other; a value that is None or "" leaves the name alone.

    Raises:
        UserErrorException: a dataset of another workspace, or two inputs of a name.
    """
    if isinstance(arguments, Mapping):
        arguments = [
            part for name, value in arguments.items() for part in ([name] if value in (None, "") else [name, value])
        ]
    packed: list[Any] = []
    for argument in arguments or ():
        if isinstance(argument, (list, tuple)):
            packed += pack_arguments(workspace, argument)
        else:
            packed.append(_packed(workspace, argument))
    return packed


def _packed(workspace: Any, argument: Any) -> Any:
    if isinstance(argument, Mapping) and set(argument) & {"input", "output", "reference"}:
        return dict(argument)
    if isinstance(argument, AbstractDataset):
        argument = argument.as_named_input(f"input__{argument._digest()[:8]}")
    if isinstance(argument, DatasetConsumptionConfig) and isinstance(argument.dataset, AbstractDataset):
        dataset = argument.dataset
        if dataset._workspace is None:
            dataset = type(dataset)(dataset._definition, workspace)
        return {
            "input": argument.name, "dataset": dataset.id, "mode": argument.mode, "path": argument.path_on_compute,
        }  # fmt: skip
    if isinstance(argument, DatasetConsumptionConfig):
        raise UserErrorException(
            f"The input {argument.name!r} is what another run writes: only a pipeline can give it."
        )
    if isinstance(argument, output.OutputDatasetConfig):
        return {"output": argument.name, **argument._packed(workspace)}
    if hasattr(argument, "path_on_datastore") and hasattr(argument, "to_config"):
        return {
            "reference": argument.data_reference_name, "datastore": argument.datastore.name, "mode": argument.mode,
            "in": argument.path_on_datastore or "", "path": argument.path_on_compute, "overwrite": argument.overwrite,
        }  # fmt: skip
    return str(argument)


def shown_arguments(packed: Sequence[Any]) -> list[str]:
    """Packed arguments as people read them."""
    shown = []
    for one in packed:
        if isinstance(one, Mapping):
            kind = next(k for k in ("input", "output", "reference") if k in one)
            word = {"input": "DatasetConsumptionConfig", "output": "DatasetOutputConfig", "reference": "DataReference"}[
                kind
            ]
            shown.append(f"{word}:{one[kind]}")
        else:
            shown.append(str(one))
    return shown


def resolve_arguments(workspace: Any, arguments: Sequence[Any] | None, run_id: str, workdir: Any) -> Resolved:
    """Have all that the arguments name ready for the process, and say what they are then.

    Args:
        workspace: whose run it is.
        arguments: as given, or packed.
        run_id: the run.
        workdir: a folder of the run's own, outside its snapshot.

    Raises:
        UserErrorException: two inputs or outputs of a name, no such dataset any more, data that cannot be fetched.
    """
    inputs: dict[str, dict[str, Any]] = {}
    outputs: dict[str, dict[str, Any]] = {}
    variables: dict[str, str] = {}
    links: list[dict[str, Any]] = []
    words: list[str] = []
    for one in pack_arguments(workspace, arguments):
        if not isinstance(one, Mapping):
            words.append(one)
            continue
        if "input" in one:
            name = one["input"]
            if name not in inputs:
                inputs[name] = _input(workspace, one, run_id, Path(workdir), links)
            elif inputs[name]["id"] != one["dataset"]:
                raise UserErrorException(f"Two inputs of the run are called {name!r}; give each a name of its own.")
            word = inputs[name]["path"] or inputs[name]["id"]
        elif "output" in one:
            name = one["output"]
            if name not in outputs:
                outputs[name] = output.place_for(workspace, one, run_id, Path(workdir))
            word = outputs[name]["place"]
        else:
            name = one["reference"]
            word = _reference(workspace, one, Path(workdir), outputs)
        words.append(word)
        variables[REFERENCE + name] = word
        if name not in os.environ and not name.startswith(("JUPYTER_", "AZUREML_", "PYTHON", "LD_", "DYLD_")):
            variables[name] = word
    if inputs:
        variables[INPUTS] = json.dumps(inputs)
    if outputs:
        variables[OUTPUTS] = json.dumps(outputs)
    return Resolved(words, variables, links)


def _input(
    workspace: Any, one: Mapping[str, Any], run_id: str, workdir: Path, links: list[dict[str, Any]]
) -> dict[str, Any]:
    record = record_by_id(workspace, one["dataset"])
    mode, path = one["mode"], ""
    if mode != "direct":
        dataset: FileDataset = dataset_of(workspace, record)
        folder = _folder(one.get("path"), workdir / "inputs" / one["input"])
        paths = link_tree(dataset._chosen(), folder) if mode == "mount" else dataset.download(folder, overwrite=True)
        path = paths[0] if dataset._is_one_file and len(paths) == 1 else str(folder)
    link(workspace, run_id, "input", record, one["input"], {"mode": mode})
    links.append({"role": "input", "kind": record.kind, "asset": record.id, "label": one["input"]})
    return {"id": record.id, "mode": mode, "path": path}


def _folder(said: Any, own: Path) -> Path:
    """The folder that was asked for, when it is new or empty: nothing that is there already may be mixed with the data."""
    if not said:
        return own
    folder = Path(said) if Path(said).is_absolute() else own.parent / str(said)
    if not Path(said).is_absolute() and ".." in Path(said).parts:
        raise UserErrorException(f"path_on_compute {said!r} leads out of the run's folder.")
    return own if folder.is_file() or (folder.is_dir() and any(folder.iterdir())) else folder


def _reference(workspace: Any, one: Mapping[str, Any], workdir: Path, outputs: dict[str, dict[str, Any]]) -> str:
    from jupyter_aml.data.datastore import Datastore

    datastore: Any = Datastore.get(workspace, one["datastore"])
    if one["mode"] == "upload":
        place = _folder(one.get("path"), workdir / "outputs" / one["reference"])
        place.mkdir(parents=True, exist_ok=True)
        outputs[one["reference"]] = {
            "place": str(place), "datastore": datastore.name, "path": one["in"], "sent": False, "reference": True,
            "overwrite": one.get("overwrite", False),
        }  # fmt: skip
        return str(place)
    if one["mode"] == "mount" and datastore._local_root is not None:
        full = Path(datastore._full(one["in"]))
        if not full.exists():
            full.mkdir(parents=True)  # a script may write there, as into any mounted folder
        return str(full)
    files = find_files(workspace, [{"datastore": datastore.name, "path": one["in"] + "/" if one["in"] else ""}])
    folder = _folder(one.get("path"), workdir / "inputs" / one["reference"])
    paths = link_tree(files, folder)
    return paths[0] if len(paths) == 1 and files[0].whole == one["in"] else str(folder)


def gather_outputs(workspace: Any, run_id: str, variables: Mapping[str, str], succeeded: bool = True) -> dict[str, Any]:
    """Send what the process wrote to where it belongs, register what is to be registered, and write down the lineage.

    Args:
        workspace: whose run it is.
        run_id: the run.
        variables: what `resolve_arguments` returned.
        succeeded: whether the run did; what a failed one wrote is sent, and not registered.

    Returns:
        The datasets by name of the output.

    Raises:
        UserErrorException: a file is there already and may not be overwritten.
        StoreUnavailableException: a datastore does not take it.
    """
    planned = json.loads(variables.get(OUTPUTS, "{}"))
    return {
        name: made
        for name, one in planned.items()
        if (made := output.gather(workspace, run_id, name, one, succeeded)) is not None
    }


def changed_mounts(workspace: Any, variables: Mapping[str, str]) -> list[str]:
    """What is to be told of each mounted dataset with a local file that the process changed, or somebody after the dataset was
    registered: the run may have seen other data than those that its lineage names.

    Args:
        workspace: whose run it is.
        variables: what `resolve_arguments` returned.
    """
    said: list[str] = []
    for one in json.loads(variables.get(INPUTS, "{}")).values():
        if one["mode"] != "mount":
            continue
        record = record_by_id(workspace, one["id"])
        folder = Path(one["path"]) if Path(one["path"]).is_dir() else Path(one["path"]).parent
        registered = record.kind == KIND
        whose = f"the dataset {record.name!r} (version {record.version})" if registered else "an input"
        if changed := changed_files(folder):
            said.append(told_changes(changed, whose, "while the run had them mounted"))
        elif registered and (changed := changed_files(folder, record.created)):
            said.append(told_changes(changed, whose, "after it was registered"))
    return list(dict.fromkeys(said))


# -- what a run has ------------------------------------------------------------------------------------------------
class _Inputs(Mapping[str, Any]):
    """Names of inputs → the dataset, or the path where this process has it."""

    def __init__(self, workspace: Any, found: Mapping[str, Mapping[str, Any]], noun: str = "input") -> None:
        self._workspace = workspace
        self._found = found
        self._noun = noun

    def __getitem__(self, name: str) -> Any:
        one = self._found.get(name)
        if one is None:
            raise KeyError(
                f"The run has no {self._noun} {name!r}; it has {', '.join(map(repr, self._found)) or 'none'}."
            )
        if one.get("path"):
            return one["path"]
        return dataset_of(self._workspace, record_by_id(self._workspace, one["id"]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return f"<{self._noun}s: {', '.join(self._found) or 'none'}>"


def input_datasets(workspace: Any, run: Any) -> Mapping[str, Any]:
    """See `Run.input_datasets`."""
    if os.environ.get(RUN_ID) == run.id and os.environ.get(INPUTS):
        return _Inputs(workspace, json.loads(os.environ[INPUTS]))
    return _Inputs(workspace, _linked(workspace, run.id, "input"))


def output_datasets(workspace: Any, run: Any) -> Mapping[str, Any]:
    """See `Run.output_datasets`."""
    if os.environ.get(RUN_ID) == run.id and os.environ.get(OUTPUTS):
        places = {n: {"path": one["place"]} for n, one in json.loads(os.environ[OUTPUTS]).items()}
        return _Inputs(workspace, places, "output")
    return _Inputs(workspace, _linked(workspace, run.id, "output"), "output")


def _linked(workspace: Any, run_id: str, role: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for one in workspace.connection.store.links(run=run_id, role=role):
        if one.kind in ("dataset", "saved-dataset"):
            found[one.label or one.name] = {"id": one.asset}
    return found
