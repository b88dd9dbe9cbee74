"""An import of which nothing could be used says so to scripts, too."""

from pathlib import Path

from typer.testing import CliRunner

import plumbline


def test_an_import_of_which_nothing_is_fit_ends_with_1(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE_URL", f"sqlite:///{tmp_path}/p.db")
    monkeypatch.setenv("PLUMBLINE_BUILD_DIR", str(tmp_path / "build"))
    stages = tmp_path / "stages.csv"
    stages.write_text("")
    refused = CliRunner().invoke(plumbline.app, ["import", str(stages)])
    stages.write_text("pipeline_id,stage,position,category,default_probability\nP,Lead,1,open,0.2\n")
    loaded = CliRunner().invoke(plumbline.app, ["import", str(stages)])
    assert (refused.exit_code, loaded.exit_code) == (1, 0), (refused.output, loaded.output)
