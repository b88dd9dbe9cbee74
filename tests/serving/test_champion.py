"""The model in use is loaded when needed, kept, and loaded again."""

import logging
import threading
from types import SimpleNamespace

import pytest

from crm.errors import NoModelError
from serving.champion import Kept, registered_champion


def loader(*versions):
    """Load a model of each version in turn; an error in their place is raised."""
    left = list(versions)

    def load():
        version = left.pop(0)
        if isinstance(version, Exception):
            raise version
        return SimpleNamespace(scorer=SimpleNamespace(version=version))

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
        scoring = first()
        if scoring.scorer.version == "2":
            begun.set()
            assert go_on.wait(30)
        return scoring

    kept = Kept(load, keep_s=-1)
    assert kept.get()[1] == "1"
    slow = threading.Thread(target=kept.get)
    slow.start()
    assert begun.wait(30)
    assert kept.get()[1] == "1"
    go_on.set()
    slow.join(30)


def test_nothing_is_loaded_before_it_is_needed(store):
    assert registered_champion(store, "no such registry", "EUR") is not None
