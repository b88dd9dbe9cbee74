"""How fast are the signals, beside what else one could use? ``make bench-features``; ``SIZES=20k,200k`` is shorter.

Every figure is taken in a process of its own, with the peers' in the same run, and is the median of three; what takes
more than two minutes is taken once. Memory is the most that the process and its children held at once. Peers run as
long as ten minutes and in at most 18 GiB, on the largest size they finish. Kernel, Polars and DuckDB have two threads
each; Featuretools and what it is compared with, one (but for the norms, which are put together on all cores).
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.memory import run_measured
from benchmarks.peers import run_peer
from benchmarks.results import ROOT, write_figures
from crm.simulate import write_simulation

BENCH = ROOT / "build" / "bench"
SIZES = {"20k": 20_000, "200k": 200_000, "1m": 1_000_000}
PEER_SIZES = ("20k", "200k")
"""Polars holds 5.7 GiB at 200k, DuckDB twice that: the next size would not fit."""
REPEATS = 3
LONG_S = 120
"""What takes longer is not repeated."""
FEATURETOOLS_DEALS = 20_000


def simulated(n_deals: int) -> Path:
    """A simulated company as Parquet, made where it is not there yet."""
    folder = BENCH / f"crm-{n_deals}"
    if not (folder / "simulation.json").exists():
        write_simulation(folder, n_deals, with_oracle=False)
    return folder


def run(*command: object, repeats: int = REPEATS) -> dict[str, Any] | None:
    """The run with the median time of several, and the highest peak; None where one ran out of time or memory."""
    words = [sys.executable, "-m", "benchmarks.features_runs", *map(str, command)]
    return middle(lambda: run_measured(words), repeats)


def middle(measure: Callable[[], dict[str, Any] | None], repeats: int = REPEATS) -> dict[str, Any] | None:
    """The run with the median time of several, and the highest peak of all."""
    runs: list[dict[str, Any]] = []
    while len(runs) < repeats:
        found = measure()
        if found is None:
            return None
        runs.append(found)
        if found.get("seconds", 0) > LONG_S:
            return found
    typical = sorted(runs, key=lambda one: one.get("seconds", 0))[len(runs) // 2]
    return typical | {"peak_gib": max(one["peak_gib"] for one in runs)}


def as_measured(said: dict[str, Any]) -> dict[str, Any]:
    """What a peer says of itself, in the words of our own runs."""
    return said | {"n_rows": said["rows"]}


def tell(what: str, found: dict[str, Any] | None) -> None:
    """Print one line of the table."""
    if found is None:
        print(f"{what:<44} not finished in 10 minutes and 18 GiB", flush=True)
        return
    rate = found["n_rows"] / found["seconds"]
    print(f"{what:<44} {found['seconds']:>9.2f} s {rate:>11,.0f} rows/s {found['peak_gib']:>6.2f} GiB peak", flush=True)


def polars(crm: Path, grid: Path) -> dict[str, Any] | None:
    """One run of Polars on the signals of a grid."""
    said = run_peer("polars", crm, grid, BENCH / "polars.parquet", threads=2)
    return said and as_measured(said)


def peers(sizes: list[str]) -> dict[str, float]:
    """How many times as fast as each peer the kernel is, per row, on the largest size that the peer finishes."""
    figures: dict[str, float] = {}
    for size in (size for size in sizes if size in PEER_SIZES):
        crm, grid = simulated(SIZES[size]), BENCH / f"grid-{size}.parquet"
        run("grid", crm, grid, repeats=1)
        tell(f"{size}: kernel, 1 thread", run("kernel", crm, 1))
        ours = run("kernel", crm, 2)
        tell(f"{size}: kernel, 2 threads", ours)
        assert ours
        rate = ours["n_rows"] / ours["seconds"]
        for name in ("polars", "duckdb"):
            found = middle(partial(polars, crm, grid)) if name == "polars" else run("duckdb", crm, grid)
            tell(f"{size}: {name}, 2 threads", found)
            if found:
                figures[f"vs_{name}"] = rate / (found["n_rows"] / found["seconds"])
    return figures


def featuretools() -> dict[str, float]:
    """The same against Featuretools with cutoff times, on the signals that it can express."""
    crm, grid = simulated(SIZES["20k"]), BENCH / "grid-20k.parquet"
    said = run_peer("featuretools", crm, grid, BENCH / "featuretools.parquet", deals=FEATURETOOLS_DEALS)
    found = said and as_measured(said)
    tell(f"{FEATURETOOLS_DEALS:,} deals: featuretools, {len(found['signals']) if found else 0} signals", found)
    if not found:
        return {}
    ours = run("kernel", crm, 1, ",".join(found["signals"]))
    tell("20k: kernel, the same signals, 1 thread", ours)
    assert ours
    return {"vs_featuretools": ours["n_rows"] / ours["seconds"] / (found["n_rows"] / found["seconds"])}


def growth(sizes: list[str]) -> dict[str, float]:
    """From Parquet to Parquet: how time grows with the deals, and what a second process is worth.

    Beside it what a second process is worth on this machine where neither waits for memory, files or the other.
    """
    rates: dict[tuple[str, int], float] = {}
    figures: dict[str, float] = {}
    for size in sizes:
        for processes in (1, 2):
            found = run("parquet", simulated(SIZES[size]), BENCH / "features", processes)
            tell(f"{size}: Parquet to Parquet, {processes} process{'es' if processes > 1 else ''}", found)
            assert found
            rates[size, processes] = found["n_rows"] / found["seconds"]
            if (size, processes) == ("1m", 2):
                figures |= {"million_deals_s": found["seconds"], "million_deals_peak_gib": found["peak_gib"]}
    alone, beside = run("busy", 1), run("busy", 2)
    assert alone
    assert beside
    figures["two_process_speedup_of_arithmetic"] = 2 * alone["seconds"] / beside["seconds"]
    largest = sizes[-1]
    figures["two_process_speedup"] = rates[largest, 2] / rates[largest, 1]
    if "1m" in sizes and "20k" in sizes:
        figures["linearity_1m_over_20k"] = rates["1m", 1] / rates["20k", 1]
    return figures


def requests() -> dict[str, float]:
    """One deal in a request; every open deal of a company from the store."""
    one = run("one_deal", simulated(SIZES["20k"]), repeats=1)
    url = f"sqlite:///{BENCH}/open-deals.db"
    if not (BENCH / "open-deals.db").exists():
        run("store_of_open_deals", simulated(116_000), url, repeats=1)
    many = run("open_deals", url)
    assert one
    assert many
    print(f"one deal with 200 interactions: {one['milliseconds']:.2f} ms")
    print(
        f"{many['n_open']:,} open deals, {many['n_interactions']:,} interactions, from the store: "
        f"{many['seconds']:.1f} s, {many['peak_gib']:.2f} GiB peak"
    )
    return {"one_deal_ms": one["milliseconds"], "open_deals_50k_s": many["seconds"]}


def main() -> None:
    """Measure everything and write the figures."""
    sizes = os.environ.get("SIZES", ",".join(SIZES)).lower().split(",")
    BENCH.mkdir(parents=True, exist_ok=True)
    figures = growth(sizes) | requests() | peers(sizes) | featuretools()
    for name, value in figures.items():
        print(f"{name:<34} {value:,.2f}")
    print(write_figures("features", figures))


if __name__ == "__main__":
    main()
