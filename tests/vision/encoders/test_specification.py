"""vision/encoders/specification.py: the grammar of encoder names."""

from __future__ import annotations

import pytest

from tiefvision.errors import InvalidInput
from tiefvision.vision.encoders.specification import Member, parse


def test_one_name_has_all_the_weight() -> None:
    assert parse("alexnet").members == (Member("alexnet", None, 1.0),)


def test_members_without_weights_share_alike() -> None:
    members = parse(" alexnet + efficientnet-lite0 ").members
    assert members == (Member("alexnet", None, 0.5), Member("efficientnet-lite0", None, 0.5))


def test_weights_are_normalised_to_sum_one() -> None:
    members = parse("1*alexnet+3*efficientnet-lite0").members
    assert [member.weight for member in members] == [0.25, 0.75]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("alexnet", "alexnet"),
        ("2*alexnet + 3*efficientnet-lite0@stage5", "0.4*alexnet+0.6*efficientnet-lite0@stage5"),
        ("0.5*alexnet+.5*mobilenetv2", "alexnet+mobilenetv2"),
        ("onnx:a+b/my net.onnx@relu_3+alexnet", "onnx:a+b/my net.onnx@relu_3+alexnet"),
    ],
)
def test_canonical_text_parses_to_the_same_members(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical
    assert parse(canonical) == parse(text)


def test_a_plus_inside_a_path_belongs_to_the_path() -> None:
    members = parse("onnx:a+b.onnx+0.2+c.onnx+hf:org/x+y+alexnet-dense").members
    names = [member.name for member in members]
    assert names == ["onnx:a+b.onnx+0.2+c.onnx", "hf:org/x+y", "alexnet-dense"]


def test_a_typo_offers_the_near_name() -> None:
    with pytest.raises(InvalidInput, match=r"did you mean efficientnet-lite0\?"):
        parse("alexnet+eficientnet-lite0")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not an encoder"),
        ("alexnet+", "is not an encoder"),
        ("0*alexnet", "not above 0"),
        ("0.4*alexnet+efficientnet-lite0", "a weight to 1 of 2"),
        ("alexnet+alexnet", "names one encoder twice"),
        ("resnet", "there is no encoder 'resnet'"),
    ],
)
def test_nonsense_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse(text)
