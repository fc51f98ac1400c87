"""Card of Stanford Dogs."""

from .base import Archive, DatasetCard, Source

_HOST = "http://vision.stanford.edu/aditya86/ImageNetDogs"

CARD = DatasetCard(
    name="stanford_dogs",
    title="Stanford Dogs",
    implementation="partbench.datasets.stanford_dogs:read",
    fingerprint="partbench.datasets.stanford_dogs:fingerprint",
    layout="Images/, Annotation/, train_list.mat, test_list.mat",
    paper="""@inproceedings{khosla2011dogs,
  title={Novel Dataset for Fine-Grained Image Categorization},
  author={Khosla, Aditya and Jayadevaprakash, Nityananda and Yao, Bangpeng and Fei-Fei, Li},
  booktitle={First Workshop on Fine-Grained Visual Categorization, CVPR}, year={2011}}""",
    counts={"classes": 120, "parts": 0, "train": 12000, "test": 8580},
    source=Source(
        page="http://vision.stanford.edu/aditya86/ImageNetDogs/",
        licence="Pictures and boxes are taken from ImageNet, whose terms apply: non-commercial research and education; "
                "the photographs belong to their authors.",
        archives=(
            Archive(url=f"{_HOST}/images.tar", size=793_579_520,
                    checksum="sha256:a443fc2f9a851aa1a7b8e4fa4af94b8459fce2c9f5a2f4dd4669cf9673a4ec58"),
            Archive(url=f"{_HOST}/annotation.tar", size=21_852_160,
                    checksum="sha256:662ed36f707be6b195c2fda392d8e153e83af28cedc8e2134a649f198def30fd"),
            Archive(url=f"{_HOST}/lists.tar", size=481_280,
                    checksum="sha256:34b47cacd9a98b5d150e084f24d29391c084c55272295ec65c85651bc35f4d6c"),
        ),
    ),
)
