"""The data set of a run, as the run sees it."""

from .. import datasets
from .plan import Job


def opened(job: Job) -> "datasets.PartDataset":
    """Read a job's data set, from decoded copies of its pictures where the job asks for them.

    Raises:
        UserError: the folder does not hold the data set as its card says.
    """
    dataset = datasets.load(job.spec.dataset, root=job.data_root, **job.spec.dataset_options)
    return datasets.cached(dataset, job.decoded_side) if job.decoded_side else dataset
