"""Where a benchmark's figures go, and what it says when its data are not there."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
SHARED_DATA = ROOT.parent / "shared" / "data"


def write_figures(name: str, figures: dict[str, float]) -> Path:
    """Write one flat JSON object of figures to ``benchmarks/results/<name>.json``."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({key: round(value, 6) for key, value in figures.items()}, indent=1) + "\n")
    return path


def data_or_skip(folder: str) -> Path:
    """The folder of a real data set; ends the program with a clear word where it is absent."""
    path = SHARED_DATA / folder
    if not path.is_dir():
        print(f"skipped: the data set {folder} is not in {SHARED_DATA}")
        sys.exit(0)
    return path
