"""``azureml.opendatasets``: the public data sets that tutorials begin with, as datasets.

Diabetes (Efron et al., 2004) comes with scikit-learn and is served from there, without a network. MNIST is its public files, which
are fetched when they are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_aml.data.dataset_factory import FileDatasetFactory, TabularDatasetFactory
from jupyter_aml.errors import UserErrorException
from jupyter_aml.store import home

if TYPE_CHECKING:
    from jupyter_aml.data.file_dataset import FileDataset
    from jupyter_aml.data.tabular_dataset import TabularDataset

_MNIST = "https://azureopendatastorage.blob.core.windows.net/mnist/"
_MNIST_FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


class Diabetes:
    """442 patients: ten measures, and how the illness went on in a year (``Y``)."""

    COLUMNS = ("AGE", "SEX", "BMI", "BP", "S1", "S2", "S3", "S4", "S5", "S6")

    @classmethod
    def get_tabular_dataset(cls, enable_telemetry: bool = True, **kwargs: Any) -> TabularDataset:
        """As a table, measures as they were taken.

        Raises:
            UserErrorException: scikit-learn, which brings it, is not installed.
        """
        file = home.home() / ".open-datasets" / "diabetes.csv"
        if not file.exists():
            try:
                from sklearn.datasets import load_diabetes
            except ImportError as error:
                raise UserErrorException(
                    "The diabetes data come with scikit-learn, which is not installed: pip install scikit-learn."
                ) from error
            found = load_diabetes(as_frame=True, scaled=False)
            frame = found.data.set_axis(cls.COLUMNS, axis=1).assign(Y=found.target.astype(int))
            frame = frame.astype({"AGE": int, "SEX": int})
            file.parent.mkdir(parents=True, exist_ok=True)
            beside = file.with_suffix(".new")
            frame.to_csv(beside, index=False)
            beside.replace(file)
        return TabularDatasetFactory.from_delimited_files(str(file))


class MNIST:
    """70,000 digits, written by hand."""

    @staticmethod
    def get_file_dataset(
        dataset_filter: str = "all", enable_telemetry: bool = True, url_list: Any = None, **kwargs: Any
    ) -> FileDataset:
        """Its files.

        Args:
            dataset_filter: "all", "train" or "test".

        Raises:
            UserErrorException: another filter.
        """
        name = str(getattr(dataset_filter, "name", dataset_filter)).lower()
        if name not in ("all", *_MNIST_FILES):
            raise UserErrorException(f"dataset_filter is 'all', 'train' or 'test', not {dataset_filter!r}.")
        files = [one for part, inside in _MNIST_FILES.items() if name in ("all", part) for one in inside]
        return FileDatasetFactory.from_files([_MNIST + one for one in files], validate=False)
