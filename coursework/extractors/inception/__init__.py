"""The Inception network of 2015, whose features FID is defined by: FID is measured with it and with nothing else.

model, sha256 = load_pretrained("inception-2015-12-05.tgz")
features = extract(model, images)["features"]
"""

from coursework.extractors.inception.network import PRECISIONS, build, extract, load_tensors
from coursework.extractors.inception.weights import load_pretrained

__all__ = ["PRECISIONS", "build", "extract", "load_pretrained", "load_tensors"]
