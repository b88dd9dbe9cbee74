"""The last good copy of the champion: whole or not at all, and never a damaged one."""

from pathlib import Path

import pytest

from crm.errors import NoModelError, RegistryError
from models.last_good import ARCHIVE, digest, read_scorer, recall, remember
from models.scorer import Scorer


def test_what_is_kept_comes_back_the_same(scorer: Scorer, tmp_path: Path) -> None:
    remember(scorer, tmp_path / "build")
    found = recall(tmp_path / "build")
    assert found is not None
    assert found[0].files() == scorer.files()
    assert [path.name for path in (tmp_path / "build").iterdir()] == [ARCHIVE]


def test_the_newer_copy_takes_the_place_of_the_older(scorer: Scorer, stage_scorer: Scorer, tmp_path: Path) -> None:
    for one in (scorer, stage_scorer):
        remember(one, tmp_path)
    found = recall(tmp_path)
    assert found is not None
    assert found[0].version == stage_scorer.version


def test_where_nothing_is_kept_there_is_none(tmp_path: Path) -> None:
    assert recall(tmp_path) is None


@pytest.mark.parametrize(
    "damage", [lambda kept: kept[: len(kept) // 2], lambda kept: kept[:0], lambda kept: kept[::-1]]
)
def test_a_damaged_copy_is_none(damage, scorer: Scorer, tmp_path: Path) -> None:
    remember(scorer, tmp_path)
    archive = tmp_path / ARCHIVE
    archive.write_bytes(damage(archive.read_bytes()))
    assert recall(tmp_path) is None


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("card.json", lambda text: text[:200]),
        ("card.json", lambda text: text.replace('"win"', '"winn"')),
        ("win.txt", lambda text: text[: len(text) // 2]),
        ("win.txt", lambda text: text[:0]),
    ],
)
def test_damaged_files_are_said_in_one_sentence(file: str, damage, scorer: Scorer, tmp_path: Path) -> None:
    scorer.save(tmp_path)
    whole = digest(tmp_path)
    path = tmp_path / file
    path.write_text(damage(path.read_text("utf-8")), "utf-8")
    with pytest.raises(RegistryError, match=r"the files of version 3 of the model are damaged.*--rollback") as refusal:
        read_scorer(tmp_path, "version 3", whole)
    assert "\n" not in str(refusal.value)
    if file == "card.json":  # without a digest to compare with, too
        with pytest.raises(RegistryError, match="damaged"):
            read_scorer(tmp_path, "version 3")


def test_a_single_changed_digit_is_noticed(scorer: Scorer, tmp_path: Path) -> None:
    scorer.save(tmp_path)
    whole = digest(tmp_path)
    assert read_scorer(tmp_path, "version 3", whole).version == scorer.version
    card = (tmp_path / "card.json").read_text("utf-8")
    (tmp_path / "card.json").write_text(card.replace('"intercept": ', '"intercept": 1', 1), "utf-8")
    with pytest.raises(RegistryError, match="damaged"):
        read_scorer(tmp_path, "version 3", whole)


def test_a_scorer_of_another_format_is_not_called_damaged(scorer: Scorer, tmp_path: Path) -> None:
    scorer.save(tmp_path)
    card = (tmp_path / "card.json").read_text("utf-8")
    (tmp_path / "card.json").write_text(card.replace('"format": ', '"format": 9'), "utf-8")
    with pytest.raises(NoModelError, match="train a new scorer"):
        read_scorer(tmp_path, "version 3")
