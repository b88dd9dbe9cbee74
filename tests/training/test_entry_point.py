"""An entry point says what is wrong in one sentence."""

import pytest

from crm.errors import NoModelError
from training.entry_point import run


def test_what_is_raised_on_purpose_is_one_sentence(monkeypatch, capsys):
    def main() -> None:
        raise NoModelError("there is no model; train one")

    monkeypatch.setattr("sys.argv", ["main"])
    with pytest.raises(SystemExit) as ended:
        run(main)
    assert ended.value.code == 1
    assert capsys.readouterr().err == "plumbline: there is no model; train one\n"
