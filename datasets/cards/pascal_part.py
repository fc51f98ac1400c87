"""Card of PASCAL-Part."""

from .base import Archive, DatasetCard, Source

CARD = DatasetCard(
    name="pascal_part",
    title="PASCAL-Part",
    implementation="partbench.datasets.pascal_part:read",
    fingerprint="partbench.datasets.pascal_part:fingerprint",
    layout="JPEGImages/, ImageSets/Main/train.txt and val.txt of VOC2010, and Annotations_Part/ with a .mat for each "
           "picture, or a .png in the grouping of Pascal-Part-58",
    paper="""@inproceedings{chen2014detect,
  title={Detect What You Can: Detecting and Representing Objects using Holistic Models and Body Parts},
  author={Chen, Xianjie and Mottaghi, Roozbeh and Liu, Xiaobai and Fidler, Sanja and Urtasun, Raquel and Yuille, Alan},
  booktitle={CVPR}, year={2014}}""",
    counts={"classes": 15, "parts": 52},
    source=Source(
        page="http://roozbehm.info/pascal-parts/pascal-parts.html",
        licence="The photographs are from Flickr, under its terms of use, and belong to their authors; the part "
                "annotations are for research.",
        archives=(
            Archive(url="https://thor.robots.ox.ac.uk/pascal/VOC/voc2010/VOCtrainval_03-May-2010.tar",
                    checksum="md5:da459979d0c395079b5c75ee67908abb", strip=2),
            Archive(url="http://roozbehm.info/pascal-parts/trainval.tar.gz"),
        ),
    ),
)
