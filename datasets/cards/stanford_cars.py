"""Card of Stanford Cars."""

from .base import DatasetCard, Source

CARD = DatasetCard(
    name="stanford_cars",
    title="Stanford Cars",
    implementation="partbench.datasets.stanford_cars:read",
    fingerprint="partbench.datasets.stanford_cars:fingerprint",
    layout="cars_train/, cars_test/, devkit/cars_meta.mat, devkit/cars_train_annos.mat, and "
           "cars_test_annos_withlabels.mat in devkit/ or beside it",
    paper="""@inproceedings{krause2013cars,
  title={3D Object Representations for Fine-Grained Categorization},
  author={Krause, Jonathan and Stark, Michael and Deng, Jia and Fei-Fei, Li},
  booktitle={4th IEEE Workshop on 3D Representation and Recognition, ICCV}, year={2013}}""",
    counts={"classes": 196, "parts": 0, "train": 8144, "test": 8041},
    source=Source(
        page="https://ai.stanford.edu/~jkrause/cars/car_dataset.html",
        licence="For non-commercial research; the pictures were collected from the web and belong to their authors.",
        form="The owners' page and its archives are gone (https://github.com/pytorch/vision/issues/7545 names copies). "
             "Of a copy, put cars_train.tgz (979,269,282 bytes), cars_test.tgz (977,350,468 bytes) and car_devkit.tgz "
             "(330,960 bytes), unpacked, and cars_test_annos_withlabels.mat (sha256 "
             "790f75be8ea34eeded134cc559332baf23e30e91367e9ddca97d26ed9b895f05) into one folder, so that it holds "
             "cars_train/, cars_test/, devkit/ and that file",
    ),
)
