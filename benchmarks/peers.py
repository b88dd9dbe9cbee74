"""Other libraries on the same grid: each is run as a program in an environment of its own, under a time limit."""

from pathlib import Path

from benchmarks.memory import run_measured
from benchmarks.results import ROOT

PYTHON = ROOT / "build" / "peers-venv" / "bin" / "python"
SCRIPTS = {"polars": "polars_signals.py", "featuretools": "featuretools_signals.py"}


def run_peer(
    name: str, crm_folder: Path, grid_path: Path, out_path: Path, *, time_limit_s: float = 600, **options: object
) -> dict | None:
    """Have a peer compute its signals of a grid, and read what it said of itself.

    Parameters
    ----------
    name : ``polars`` or ``featuretools``
    crm_folder : the tables of the contract as Parquet, each a file or a folder of files
    grid_path : Parquet with the columns deal_id and as_of
    out_path : where the peer writes deal_id, as_of and its signals as Parquet
    time_limit_s : seconds after which it is stopped, its start and its reading included
    options : further options of its script, such as ``threads=2``, ``deals=2000`` or ``by_the_book=True``

    Returns
    -------
    dict or None
        ``seconds`` from tables in memory to the finished frame, ``seconds_with_reading``, ``rows``, ``peak_rss_mib``,
        ``signals`` (names) and ``finished``, which is false where a peer stopped itself between two parts of the grid.
        None where the limit of time, or that of memory (``benchmarks/memory.py``), stopped it.

    Raises
    ------
    FileNotFoundError
        If the environment of the peers has not been made.
    RuntimeError
        If the peer failed; with the end of what it said.
    """
    if not PYTHON.exists():
        raise FileNotFoundError(
            f"The peers' environment is not there: {PYTHON.relative_to(ROOT)} is missing. "
            "Make it with: make build/peers-venv/ready"
        )
    script = ROOT / "benchmarks" / SCRIPTS[name]
    # -E: what this environment sets for its own Python is none of the peers' business.
    command = [PYTHON, "-E", script, crm_folder, grid_path, out_path, *_arguments(options)]
    return run_measured([str(part) for part in command], time_limit_s)


def _arguments(options: dict[str, object]) -> list[str]:
    """``deals=5, by_the_book=True`` as ``--deals 5 --by-the-book``; None and False are left out."""
    arguments = []
    for name, value in options.items():
        if value is not None and value is not False:
            arguments.append("--" + name.replace("_", "-"))
            arguments += [] if value is True else [str(value)]
    return arguments
