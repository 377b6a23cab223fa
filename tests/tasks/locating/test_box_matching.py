"""Which photograph a name in a file of boxes means; what is not certain is never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiefvision.store.photographs import Photograph
from tiefvision.tasks.locating.box_matching import Matches, match, near_matches


def photograph(path: str, content: str = "", *, root: str = "/photos") -> Photograph:
    id_ = abs(hash((root, path)))
    return Photograph(id_, root, path, content or f"{root}/{path}", 800, 1200, "indexed", None)


def matched(
    names: list[str], *photographs: Photograph, folder: str = "/elsewhere"
) -> dict[str, str]:
    """The found photographs' files by name."""
    return {name: p.file for name, p in found(names, *photographs, folder=folder).items()}


def found(names: list[str], *photographs: Photograph, folder: str) -> dict[str, Photograph]:
    return dict(outcome(names, *photographs, folder=folder).photographs)


def outcome(names: list[str], *photographs: Photograph, folder: str = "/elsewhere") -> Matches:
    return match(names, photographs, folder=Path(folder))


@pytest.mark.parametrize(
    "name",
    [
        "a/1.jpg",
        "./a//1.jpg",
        "a\\1.jpg",
        "/photos/a/1.jpg",
        "photos/a/1.jpg",
        "../photos/a/1.jpg",
        "1.jpg",
        "train/1.jpg",
    ],
)
def test_name_finds_its_photograph(name: str) -> None:
    others = (photograph("a/2.jpg"), photograph("b/a/11.jpg"))
    assert matched([name], *others, photograph("a/1.jpg")) == {name: "/photos/a/1.jpg"}


def test_path_below_the_root_goes_before_the_end_of_a_path() -> None:
    both = photograph("1.jpg"), photograph("a/1.jpg"), photograph("b/a/1.jpg")
    assert matched(["1.jpg", "a/1.jpg", "b/a/1.jpg"], *both) == {
        "1.jpg": "/photos/1.jpg",
        "a/1.jpg": "/photos/a/1.jpg",
        "b/a/1.jpg": "/photos/b/a/1.jpg",
    }


def test_end_of_a_path_goes_before_a_file_name() -> None:
    photographs = photograph("x/a/1.jpg"), photograph("x/b/1.jpg")
    assert matched(["a/1.jpg"], *photographs) == {"a/1.jpg": "/photos/x/a/1.jpg"}


def test_name_is_also_seen_from_the_folder_of_its_file() -> None:
    photographs = photograph("street/images/1.jpg"), photograph("other/images/1.jpg")
    assert matched(["images/1.jpg"], *photographs) == {}
    assert matched(["images/1.jpg"], *photographs, folder="/photos/street") == {
        "images/1.jpg": "/photos/street/images/1.jpg"
    }
    assert matched(["../images/1.jpg"], *photographs, folder="/photos/street/boxes") == {
        "../images/1.jpg": "/photos/street/images/1.jpg"
    }


def test_name_that_means_two_photographs_means_none() -> None:
    below_root, beside_file = photograph("images/1.jpg"), photograph("street/images/1.jpg")
    result = outcome(["images/1.jpg"], below_root, beside_file, folder="/photos/street")
    assert result.photographs == {}
    assert result.reasons == {
        "images/1.jpg": "several photographs fit: /photos/images/1.jpg, /photos/street/images/1.jpg"
    }
    for names in (["z/1.jpg"], ["1.jpg"]):
        ends = photograph("a/1.jpg"), photograph("b/1.jpg")
        assert "several photographs fit" in outcome(names, *ends).reasons[names[0]]
    two_roots = photograph("1.jpg", root="/x"), photograph("1.jpg", root="/y")
    assert matched(["1.jpg"], *two_roots) == {}
    assert matched(["y/1.jpg"], *two_roots) == {"y/1.jpg": "/y/1.jpg"}


def test_twins_are_one_photograph() -> None:
    twins = photograph("a/1.jpg", "same"), photograph("b/1.jpg", "same")
    assert matched(["1.jpg"], *twins) == {"1.jpg": "/photos/a/1.jpg"}
    names = ["a/1.jpg", "b/1.jpg"]
    result = found(names, *twins, folder="/elsewhere")
    assert {name: each.content_id for name, each in result.items()} == dict.fromkeys(names, "same")


def test_two_names_never_share_a_photograph_that_they_only_resemble() -> None:
    only = photograph("a/1.jpg")
    result = outcome(["train/1.jpg", "test/1.jpg"], only)
    assert result.photographs == {}
    assert result.reasons["train/1.jpg"] == "test/1.jpg fits the same photograph: /photos/a/1.jpg"
    # The better one gets it.
    assert matched(["train/1.jpg", "a/1.jpg"], only) == {"a/1.jpg": "/photos/a/1.jpg"}
    deep = photograph("x/a/1.jpg")
    assert matched(["train/1.jpg", "a/1.jpg"], deep) == {"a/1.jpg": "/photos/x/a/1.jpg"}


def test_names_found_by_file_name_alone_are_counted() -> None:
    photographs = photograph("a/1.jpg"), photograph("a/2.jpg"), photograph("a/3.jpg")
    assert outcome(["z/1.jpg", "a/2.jpg", "3.jpg"], *photographs).by_file_name == 1


def test_photograph_without_content_is_not_ready() -> None:
    pending = Photograph(1, "/photos", "1.jpg", None, None, None, "pending", None)
    refused = Photograph(2, "/photos", "2.jpg", None, None, None, "refused", "cut off")
    result = outcome(["1.jpg", "2.jpg", "3.jpg"], pending, refused)
    assert result.photographs == {}
    assert result.reasons == {
        "1.jpg": "/photos/1.jpg is not indexed yet: index it first",
        "2.jpg": "/photos/2.jpg was refused: cut off",
        "3.jpg": "no photograph of the catalogue has this name",
    }


def test_composed_and_decomposed_letters_are_the_same_name() -> None:
    assert len(matched(["e\u0301.jpg"], photograph("é.jpg"))) == 1
    assert len(matched(["é.jpg"], photograph("e\u0301.jpg"))) == 1


def test_matches_equal_those_of_a_slow_search() -> None:
    """Every photograph is tried with every name, rule by rule."""
    import itertools

    photographs = [
        photograph("/".join(parts), root=root)
        for root in ("/x/y", "/z")
        for length in (1, 2)
        for parts in itertools.product("ab", repeat=length)
    ]
    names = [*("/".join(parts) for n in (1, 2, 3) for parts in itertools.product("abz", repeat=n))]
    folder = "/x"

    def rules(name: str) -> list[set[str]]:
        files = {p.file for p in photographs}
        exact = {p.file for p in photographs if p.path == name} | (files & {f"{folder}/{name}"})
        ends = {file for file in files if file.endswith(f"/{name}")}
        last = name.rpartition("/")[2]
        return [exact, ends, {file for file in files if file.endswith(f"/{last}")}]

    for name in names:
        best = next((fitting for fitting in rules(name) if fitting), set())
        expected = {name: min(best)} if len(best) == 1 else {}
        assert matched([name], *photographs, folder=folder) == expected, name


def test_near_matches_are_by_file_name() -> None:
    photographs = [photograph("a/dress-001.jpg"), photograph("a/bag-7.jpg")]
    assert near_matches(["x/dress_001.jpg", "q.png"], photographs) == {
        "x/dress_001.jpg": "a/dress-001.jpg"
    }
