"""Card of Oxford Flowers 102."""

from .base import Archive, DatasetCard, Source

_HOST = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102"

CARD = DatasetCard(
    name="flowers102",
    title="Oxford Flowers 102",
    implementation="partbench.datasets.flowers102:read",
    fingerprint="partbench.datasets.flowers102:fingerprint",
    layout="jpg/, imagelabels.mat, setid.mat, and segmim/ where segmentations are wanted",
    paper="""@inproceedings{nilsback2008flowers,
  title={Automated Flower Classification over a Large Number of Classes},
  author={Nilsback, Maria-Elena and Zisserman, Andrew},
  booktitle={Indian Conference on Computer Vision, Graphics and Image Processing}, year={2008}}""",
    counts={"classes": 102, "parts": 0, "train": 1020, "val": 1020, "test": 6149},
    source=Source(
        page="https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
        licence="The owners state no licence; the pictures were collected from the web and belong to their authors. "
                "Treat them as for research only.",
        archives=(
            Archive(url=f"{_HOST}/102flowers.tgz", size=344_862_509,
                    checksum="md5:52808999861908f626f3c1f4e79d11fa"),
            Archive(url=f"{_HOST}/102segmentations.tgz", checksum="md5:51375996b6c4f367a4b9f4492d7ecef5"),
            Archive(url=f"{_HOST}/imagelabels.mat", size=502, checksum="md5:e0620be6f572b9609742df49c70aed4d",
                    unpack=False),
            Archive(url=f"{_HOST}/setid.mat", size=14_989, checksum="md5:a5357ecc9cb78c4bef273ce3793fc85c",
                    unpack=False),
        ),
    ),
)
