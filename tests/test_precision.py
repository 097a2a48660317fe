"""bfloat16: asked for by name, refused where it is emulated, the nets' alone, and in the key."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn
from training_helpers import finish, noisy_data, random_dataset, small_config, small_run, weights

from lnl_core import InputError, Method, Run, TrainConfig, TrainingSet, fit
from lnl_core.accel import check_precision
from lnl_core.config import with_precision
from lnl_core.ledger.record_check import record_key
from lnl_core.nets import build_net
from lnl_core.nets.base import Net

CPU = torch.device("cpu")
LOW = TrainConfig(epochs=1, batch_size=16, precision="bfloat16")


@pytest.fixture
def capable(monkeypatch):
    """Any CPU computes in bfloat16, if slowly: enough to see what is computed in it."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)


@pytest.fixture
def incapable(monkeypatch):
    for question in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, question, lambda: False)


def test_a_processor_without_it_is_told_so_before_anything_is_done(incapable):
    with pytest.raises(InputError, match=r"this processor has no instructions.*use 'float32'"):
        small_run(precision="bfloat16")
    data = noisy_data()
    method = Method(build_net("mlp", data.input_shape, 4), TrainingSet(data, LOW))
    with pytest.raises(InputError, match="this processor"):
        next(fit(method, data, LOW))
    check_precision("float32", CPU)


def test_questions_that_torch_no_longer_answers_are_answered_by_no(monkeypatch):
    for question in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, question)
    with pytest.raises(InputError, match="bfloat16"):
        check_precision("bfloat16", CPU)


def test_a_stage_of_its_own_precision_is_checked_as_well(incapable):
    low = dataclasses.replace(LOW, epochs=2)
    config = dataclasses.replace(small_config("forward-estimated"), stages={"correct": low})
    with pytest.raises(InputError, match="bfloat16"):
        Run(config, device="cpu", dataset=random_dataset())


def test_only_the_nets_forward_is_under_it(capable):
    class Watching(Method):
        def criterion(self, logits, labels):
            seen.append((logits.dtype, (logits @ logits.T).dtype))
            return super().criterion(logits, labels)

    seen, inside = [], []
    data = noisy_data()
    net = build_net("mlp", data.input_shape, 4)
    net.body[1].register_forward_hook(lambda *_: inside.append(_[2].dtype))
    method = Watching(net, TrainingSet(data, LOW))
    (record,) = fit(method, data, LOW)
    assert set(inside) == {torch.bfloat16}
    assert set(seen) == {(torch.float32, torch.float32)}  # training and validation
    assert {p.dtype for p in method.parameters()} == {torch.float32}
    assert 0 < record.train_loss < 3


def test_it_makes_a_small_difference_and_float32_again_none(capable):
    high, low = finish(small_run()), finish(small_run(precision="bfloat16"))
    for name, value in weights(high).items():
        assert not torch.equal(value, weights(low)[name])
        torch.testing.assert_close(value, weights(low)[name], rtol=0.1, atol=0.02)
    data, net = noisy_data(), build_net("mlp", (1, 8, 8), 4)
    method = Method(net, TrainingSet(data, LOW))
    next(fit(method, data, LOW))
    assert net.precision == "bfloat16"
    next(fit(method, data, dataclasses.replace(LOW, precision="float32")))
    assert net.precision == Net.precision == "float32"


def test_the_record_says_it_and_the_key_depends_on_it(capable):
    high, low = (finish(small_run(precision=name)).document() for name in ("float32", "bfloat16"))
    assert (high["precision"], low["precision"]) == ("float32", "bfloat16")
    assert high["key"] != low["key"]
    assert "precision" not in high["config"]["train"]  # the key of older records
    assert low["config"]["train"]["precision"] == "bfloat16"
    fingerprint = low["dataset"]["fingerprint"]
    assert record_key(low["config"], fingerprint, low["method_version"]) == low["key"]


def test_nets_that_do_not_know_it_are_refused(capable):
    data = noisy_data()
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    method = Method(net, TrainingSet(data, LOW))
    with pytest.raises(InputError, match="Method has none of them: use 'float32'"):
        next(fit(method, data, LOW))


def test_every_stage_is_given_the_precision():
    config = dataclasses.replace(small_config(), stages={"first": TrainConfig(epochs=2)})
    low = with_precision(config, "bfloat16")
    assert low.train == dataclasses.replace(config.train, precision="bfloat16")
    assert low.stages == {"first": TrainConfig(epochs=2, precision="bfloat16")}
    assert with_precision(config, None) is config


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_it_trains_on_a_gpu():
    config = small_config(precision="bfloat16")
    run = finish(Run(config, device="cuda", dataset=random_dataset()))
    assert run.method.net.precision == "bfloat16"
    assert run.history[-1].train_loss < run.history[0].train_loss
