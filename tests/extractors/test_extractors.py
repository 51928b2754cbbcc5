"""Extractors: whose judge is chosen, where Inception's weights are looked for, and that both give the same features."""

import hashlib
import shutil

import numpy
import pytest
from conftest import REFERENCE, save_judge
from graph_writer import GRAPH_NAME, archive, graph

from benchmarks.synthetic_inception import synthetic_tensors
from coursework.extractors import inception
from coursework.extractors import judge as judges
from coursework.extractors.extractor import extract_features
from coursework.extractors.inception.extractor import inception_extractor
from coursework.extractors.inception.weights import cached_graph
from coursework.extractors.judge import choose_judge, judge_extractor, no_judge
from coursework.extractors.recorded import extract
from coursework.util.errors import UserError


@pytest.fixture(autouse=True)
def nothing_named(in_tmp, monkeypatch):
    monkeypatch.delenv("COURSEWORK_INCEPTION", raising=False)
    return in_tmp


@pytest.fixture(scope="module")
def inception_graph():
    """Return a graph of Inception with synthetic weights."""
    return graph(synthetic_tensors())


# ------------------------------------------------------------------- the judge


@pytest.mark.backend
def test_the_judge_computes_its_features(small_dataset):
    judge = save_judge(small_dataset, "sprites")
    extractor = judge_extractor(judge)
    assert (extractor.name, extractor.label, extractor.sha256) == ("judge", "judge", judge.sha256)
    assert (extractor.image_shape, extractor.resize, extractor.precision) == ((32, 32, 3), None, "float32")
    found = extract_features(extractor, small_dataset.test_images)
    expected = extract(judge, small_dataset.test_images)["features"]
    assert set(found) == {"features"}
    numpy.testing.assert_allclose(found["features"], expected, rtol=1e-5, atol=1e-6)


def test_the_judge_is_that_of_the_data_set_else_the_usual_one(small_dataset):
    folder, split = None, small_dataset
    assert choose_judge((folder, folder)) == "no judge: train one with `python -m coursework judge`"
    assert choose_judge((folder, split)) == no_judge(small_dataset)
    assert no_judge(small_dataset).endswith("train one with `python -m coursework judge --dataset sprites`")
    own = save_judge(small_dataset, "sprites")

    def chosen(*sets, name=None):
        judge = choose_judge(sets, name)
        return judge if isinstance(judge, str) else judge.sha256

    assert chosen(folder, folder) == chosen(folder, split) == own.sha256
    other = save_judge(small_dataset, "animals")
    assert other.sha256 != own.sha256
    assert chosen(folder, folder) == "several judges: choose one by --judge animals or sprites"
    assert chosen(folder, folder, name="animals") == other.sha256
    assert chosen(folder, folder, name="reports/judges/sprites") == own.sha256
    assert chosen(split, folder) == own.sha256
    usual = save_judge(small_dataset, "cifar10")
    assert chosen(folder, folder) == usual.sha256 and chosen(folder, split) == own.sha256
    with pytest.raises(UserError, match="^no judge in reports/judges/birds: choose animals or cifar10 or sprites$"):
        choose_judge((folder,), "birds")
    (judges.JUDGES / "cifar10").joinpath("judge.keras").write_bytes(b"damaged")
    with pytest.raises(UserError, match="is not the network that judge.json beside it describes"):
        choose_judge((folder, folder))


# ------------------------------------------------------------------- Inception


def test_inception_is_none_where_nobody_named_its_weights(nothing_named, monkeypatch):
    assert inception_extractor() is None
    with pytest.raises(UserError, match="^no file weights.tgz"):
        inception_extractor("weights.tgz")
    monkeypatch.setenv("COURSEWORK_INCEPTION", "elsewhere.pb")
    with pytest.raises(UserError, match="^no file elsewhere.pb"):
        inception_extractor()


def test_inception_is_known_by_its_graph_and_built_at_the_first_use(nothing_named, monkeypatch, inception_graph):
    (nothing_named / "a.pb").write_bytes(inception_graph)
    (nothing_named / "a.tar").write_bytes(archive(inception_graph, kind=""))
    cached_graph().parent.mkdir(parents=True)
    shutil.copy("a.pb", cached_graph())
    monkeypatch.setattr(inception, "load_pretrained", lambda *arguments: pytest.fail("nobody needs it yet"))
    for path in ("a.pb", "a.tar", None):
        extractor = inception_extractor(path, "mixed_bfloat16")
        assert extractor.sha256 == hashlib.sha256(inception_graph).hexdigest()
        assert (extractor.name, extractor.label) == ("inception", "inception mixed_bfloat16")
        assert (extractor.image_shape, extractor.resize) == ((None, None, 3), "TensorFlow 1 bilinear to 299x299")


def test_another_graph_is_refused_at_once(nothing_named):
    (nothing_named / "a.pb").write_bytes(graph({"conv/conv2d_params": numpy.zeros((3, 3, 3, 32), "float32")}))
    with pytest.raises(UserError, match="^a.pb: not the Inception graph of 2015: of its 472 tensors "):
        inception_extractor("a.pb")
    (nothing_named / "a.pb").write_bytes(b"\xff" * 100)
    with pytest.raises(UserError, match="^a.pb is no frozen TensorFlow graph, "):
        inception_extractor("a.pb")


@pytest.mark.backend
@pytest.mark.slow
def test_features_of_inception_are_those_of_the_reference_and_kept(nothing_named, monkeypatch, inception_graph):
    (nothing_named / GRAPH_NAME).write_bytes(inception_graph)
    with numpy.load(REFERENCE / "inception_2015.npz") as reference:
        reference = dict(reference)
    extractor = inception_extractor(str(nothing_named))
    found = extract_features(extractor, reference["images"])
    assert set(found) == {"features", "logits_unbiased"}
    for name, array in found.items():
        numpy.testing.assert_allclose(array, reference[name], atol=1e-4)
    monkeypatch.setattr(inception, "load_pretrained", lambda *arguments: pytest.fail("features are on disk"))
    again = extract_features(inception_extractor(str(nothing_named)), reference["images"])
    assert all(numpy.array_equal(again[name], found[name]) for name in found)
