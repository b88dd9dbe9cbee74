"""The model in use is loaded when needed, kept, and loaded again."""

import logging
import re
import threading
from types import SimpleNamespace

import pytest

from crm.errors import NoModelError, RegistryError
from serving.champion import Kept, champion_or_last_good, registered_champion


def loader(*versions):
    """Load a model of each version in turn; an error in their place is raised."""
    left = list(versions)

    def load():
        version = left.pop(0)
        if isinstance(version, Exception):
            raise version
        return SimpleNamespace(scorer=SimpleNamespace(version=version)), ""

    return load


def test_it_is_loaded_once_and_kept():
    kept = Kept(loader("1", "2"), keep_s=3600)
    assert [kept.get()[1] for _ in range(3)] == ["1", "1", "1"]


def test_a_newer_one_is_taken_up_after_a_while():
    kept = Kept(loader("1", "2"), keep_s=-1)
    assert [kept.get()[1] for _ in range(2)] == ["1", "2"]


def test_without_a_model_it_says_so_and_looks_again_next_time():
    kept = Kept(loader(NoModelError("There is no model."), "1"))
    with pytest.raises(NoModelError, match="There is no model"):
        kept.get()
    assert kept.get()[1] == "1"


def test_when_it_cannot_be_loaded_again_the_one_before_is_used_and_it_is_logged(caplog):
    kept = Kept(loader("1", NoModelError("The registry is gone.")), keep_s=-1)
    with caplog.at_level(logging.ERROR):
        assert [kept.get()[1] for _ in range(2)] == ["1", "1"]
    assert "The registry is gone." in caplog.text


def test_nobody_waits_while_it_is_loaded_again():
    begun, go_on = threading.Event(), threading.Event()
    first = loader("1", "2")

    def load():
        scoring, note = first()
        if scoring.scorer.version == "2":
            begun.set()
            assert go_on.wait(30)
        return scoring, note

    kept = Kept(load, keep_s=-1)
    assert kept.get()[1] == "1"
    slow = threading.Thread(target=kept.get)
    slow.start()
    assert begun.wait(30)
    assert kept.get()[1] == "1"
    go_on.set()
    slow.join(30)


def test_nothing_is_loaded_before_it_is_needed(store, tmp_path):
    assert registered_champion(store, "no such registry", "EUR", tmp_path) is not None


def test_with_a_note_it_is_tried_again_sooner(monkeypatch):
    monkeypatch.setattr("serving.champion.TRY_AGAIN_S", -1)
    notes = iter(["the registry is away", ""])
    kept = Kept(lambda: (SimpleNamespace(scorer=SimpleNamespace(version="1")), next(notes)), keep_s=3600)
    assert (kept.get()[1], kept.note) == ("1", "the registry is away")
    assert (kept.get()[1], kept.note) == ("1", "")
    kept.get()  # a third loading would find no more notes


def test_without_a_registry_the_last_good_copy_is_served_and_says_so(scorer, tmp_path, monkeypatch, caplog):
    loaded = iter([scorer, RegistryError("MLflow cannot be reached")])

    def load_champion(_):
        found = next(loaded)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr("models.registry.load_champion", load_champion)
    assert champion_or_last_good("sqlite:///x.db", tmp_path) == (scorer, "")
    copy, note = champion_or_last_good("sqlite:///x.db", tmp_path)
    assert copy.version == scorer.version
    assert re.search(rf"last good copy .* is used, {scorer.version} as loaded .*: MLflow cannot be reached", note)
    assert note in caplog.text


def test_without_a_registry_and_without_a_copy_the_error_is_said(tmp_path):
    with pytest.raises(NoModelError, match="train one with `plumbline train`"):
        champion_or_last_good(f"sqlite:///{tmp_path}/nowhere/mlflow.db", tmp_path)
