"""Card of CUB-200-2011."""

from .base import Archive, DatasetCard, Source

CARD = DatasetCard(
    name="cub",
    title="CUB-200-2011",
    implementation="partbench.datasets.cub:read",
    fingerprint="partbench.datasets.cub:fingerprint",
    layout="images/, images.txt, image_class_labels.txt, train_test_split.txt, bounding_boxes.txt, classes.txt, "
           "parts/parts.txt, parts/part_locs.txt, and segmentations/ where it is wanted",
    default_backbone="vit_base_patch14_reg4_dinov2",
    paper="""@techreport{wah2011cub,
  title={The Caltech-UCSD Birds-200-2011 Dataset},
  author={Wah, Catherine and Branson, Steve and Welinder, Peter and Perona, Pietro and Belongie, Serge},
  institution={California Institute of Technology}, year={2011}, number={CNS-TR-2011-001}}""",
    counts={"classes": 200, "parts": 15, "train": 5994, "test": 5794},
    source=Source(
        page="https://www.vision.caltech.edu/datasets/cub_200_2011/",
        licence="For non-commercial research and education; the photographs belong to their authors.",
        archives=(Archive(url="https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz",
                          size=1_150_585_339, checksum="md5:97eceeb196236b17998738112f37df78", strip=1),),
    ),
)
