"""Where the settings of presets come from."""

from coursework.config.presets import PRESETS, SETTING_SOURCES, SOURCES
from coursework.config.schema import leaves


def test_every_preset_and_every_setting_that_is_cited_exists():
    assert set(SOURCES) == set(PRESETS)
    assert all(text.endswith(".") and "\n" not in text for text in SOURCES.values())
    for preset, settings in SETTING_SOURCES.items():
        paths = list(leaves(PRESETS[preset]))
        # A source may name a group of settings, such as `network`.
        assert all(any(f"{each}.".startswith(f"{path}.") for each in paths) for path in settings)


def test_the_settings_of_the_conditional_resnet_are_those_of_the_authors_code():
    """sn_cifar10.yml of pfnet-research/sngan_projection, and the noise of its datasets/cifar10.py."""
    model, batch_size = PRESETS["conditional-sngan-resnet"].model, PRESETS["conditional-sngan-resnet"].batch_size
    assert (batch_size, batch_size * model.generator_batch_factor, model.critic_steps) == (64, 128, 5)
    assert (model.dequantize, model.loss, model.generator_optimizer.rate) == (True, "hinge", 2e-4)


def test_what_departs_from_a_source_is_said():
    assert (
        "FID of 28.2 is with Adam 2e-4" in SOURCES["wgan-gp"]
        and PRESETS["wgan-gp"].model.generator_optimizer.rate == 1e-4
    )
    for preset in ("gan", "sngan", "wgan-gp"):
        assert "there per unit (8,192)" in SOURCES[preset] and "there 2e-5" in SOURCES[preset]
    assert (
        "there 40,000" in SOURCES["vae"] and "Theirs is 1e-4, halved" in SETTING_SOURCES["vae"]["model.optimizer.rate"]
    )
