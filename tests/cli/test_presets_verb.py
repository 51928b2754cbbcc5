"""The verb `presets`: every preset with its source, and every setting of one."""

import re

import pytest

from coursework.cli import main as cli
from coursework.config.costs import COSTS
from coursework.config.presets import PRESETS, SETTING_SOURCES, SOURCES
from coursework.config.schema import leaves


def shown(capfd, *arguments):
    capfd.readouterr()
    assert cli.main(["presets", *arguments]) == 0
    return capfd.readouterr().out.splitlines()


def test_every_preset_has_a_line_with_its_source(capfd):
    lines = shown(capfd)
    assert [line.split()[0] for line in lines[1 : 1 + len(PRESETS)]] == list(PRESETS)
    acai = next(line for line in lines if line.startswith("acai "))
    assert re.match(r"acai +cifar10 +336 +[\d,]+ +\d+ days +Berthelot et al\. 2018 \(github", acai)
    # 128 epochs of 34 minutes.
    assert re.search(r"^gan +cifar10 +128 +9,672,900 +3 days ", "\n".join(lines), flags=re.MULTILINE)


@pytest.mark.parametrize("name", PRESETS)
def test_every_setting_of_a_preset_is_shown_as_set_takes_it(name, capfd):
    lines = shown(capfd, name)
    config, rows = PRESETS[name], [re.split(r"  +", line) for line in lines[4:]]
    assert [row[0] for row in rows] == list(leaves(config))
    for path, value, _ in rows:
        assert config.with_setting(path, value.removeprefix("-")) == config


def test_a_setting_s_source_is_its_own_its_group_s_the_preset_s_or_the_default(capfd):
    sources = {line.split()[0]: re.split(r"  +", line)[2] for line in shown(capfd, "wgan-gp")[4:]}
    assert sources["network.discriminator_normalization"] == "Gulrajani et al. 2017, section 4."
    assert sources["network.generator_width"] == "chainer-gan-lib, algorithm wgan_gp."
    assert sources["model.penalty_weight"] == "default"
    sources = {line.split()[0]: re.split(r"  +", line)[2] for line in shown(capfd, "gan")[4:]}
    assert sources["model.generator_optimizer.beta_1"] == "the preset's source"


def test_sources_and_costs_are_of_presets_and_settings_that_exist():
    assert set(SOURCES) == set(PRESETS) and set(COSTS) <= set(PRESETS)
    for name, sources in SETTING_SOURCES.items():
        paths = list(leaves(PRESETS[name]))
        for path in sources:
            assert path in paths or any(each.startswith(f"{path}.") for each in paths), (name, path)


@pytest.mark.slow
def test_parameters_are_those_of_the_networks():
    from coursework.models import MODELS, build_model

    for name, cost in COSTS.items():
        config = PRESETS[name]
        classes = 10 if MODELS[config.model.name].conditional else None
        model = build_model(config, (32, 32, 1 if config.dataset == "lines" else 3), 1, classes)
        assert sum(network.count_params() for network in model.networks().values()) == cost.parameters, name
