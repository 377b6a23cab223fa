"""Rank heads: what they start as, and the same number in training and in search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rank_samples import CHANNELS, judged, torch_or_skip
from tiefvision.maths.similarity import flat_vector

torch = torch_or_skip()

from tiefvision.teach.rank_networks import RankHead, similarities  # noqa: E402

DATA = replace(judged(), mean=np.linspace(-0.1, 0.1, CHANNELS).astype(np.float32))
IMAGES = np.arange(40)


def _head(network: str, *, wide: bool, k: int = 7) -> RankHead:
    return RankHead(DATA.directions(k), network=network, wide=wide, seed=0)


def _given(*, wide: bool, k: int = 7) -> torch.Tensor:
    cells = DATA.centred(IMAGES) if wide else DATA.along(DATA.directions(k))[IMAGES]
    return torch.from_numpy(cells)


def _trained(head: RankHead) -> RankHead:
    """Every parameter is moved, and the spread evened out by some symmetric map."""
    generator = torch.Generator().manual_seed(3)
    turned = torch.randn(len(head.evened), len(head.evened), generator=generator)
    head.even_out(torch.eye(len(turned)) + 0.05 * (turned + turned.T))
    for parameter in head.parameters():
        if parameter.requires_grad:
            parameter.data += 0.2 * torch.randn(parameter.shape, generator=generator)
    return head


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("network", ["linear", "residual"])
def test_the_trained_number_is_the_searched_one(network: str, wide: bool) -> None:
    head = _trained(_head(network, wide=wide))
    trained = similarities(head(head.prepare(_given(wide=wide)))).detach().numpy()
    ranked = head.export(DATA.mean)(DATA.centred(IMAGES))
    flat = flat_vector(ranked.reshape(len(IMAGES), DATA.rows, DATA.cols, -1))
    np.testing.assert_allclose(trained, flat @ flat.T, atol=2e-6)
    np.testing.assert_allclose(np.diag(trained), 1, atol=1e-5)


def test_an_untrained_head_of_all_channels_is_the_identity() -> None:
    assert _head("linear", wide=True).export(DATA.mean).is_identity


def test_an_untrained_residual_head_of_all_channels_changes_nothing() -> None:
    ranker = _head("residual", wide=True).export(DATA.mean)
    cells = DATA.centred(IMAGES)
    np.testing.assert_allclose(ranker(cells), cells, atol=1e-6)
    assert ranker.is_identity


def test_a_trained_head_is_not_the_identity() -> None:
    assert not _trained(_head("linear", wide=True)).export(DATA.mean).is_identity


def test_an_untrained_narrow_head_is_the_projection_on_its_directions() -> None:
    directions = DATA.directions(7)
    cells = DATA.centred(IMAGES)
    expected = cells @ directions.T
    expected /= np.linalg.norm(expected, axis=-1, keepdims=True)
    ranker = _head("linear", wide=False).export(DATA.mean)
    np.testing.assert_allclose(ranker(cells), expected, atol=1e-5)
    assert ranker.channels == 7


def test_as_many_directions_as_channels_leave_the_order_as_it_is() -> None:
    ranker = _head("linear", wide=False, k=CHANNELS).export(DATA.mean)
    cells = DATA.centred(IMAGES)
    ranked = ranker(cells)
    np.testing.assert_allclose(
        np.einsum("acd,bcd->ab", ranked, ranked), np.einsum("acd,bcd->ab", cells, cells), atol=1e-5
    )
