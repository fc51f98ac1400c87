"""Card of FunnyBirds."""

from .base import Archive, DatasetCard, Source

CARD = DatasetCard(
    name="funnybirds",
    title="FunnyBirds",
    implementation="partbench.datasets.funnybirds:read",
    fingerprint="partbench.datasets.funnybirds:fingerprint",
    layout="classes.json, parts.json, dataset_train.json, dataset_test.json, and train/, test/, train_part_map/, "
           "test_part_map/ with <class>/<number>.png in each",
    paper="""@inproceedings{hesse2023funnybirds,
  title={FunnyBirds: A Synthetic Vision Dataset for a Part-Based Analysis of Explainable AI Methods},
  author={Hesse, Robin and Schaub-Meyer, Simone and Roth, Stefan},
  booktitle={ICCV}, year={2023}}""",
    counts={"classes": 50, "parts": 5, "train": 50000, "test": 500},
    source=Source(
        page="https://github.com/visinf/funnybirds",
        licence="The authors publish code under Apache 2.0 and name no licence for the pictures; ask them before "
                "passing pictures on.",
        archives=(Archive(url="https://download.visinf.tu-darmstadt.de/data/funnybirds/FunnyBirds.zip", strip=1),),
    ),
)
