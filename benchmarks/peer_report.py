"""The one line of JSON that a peer prints; standard library only, for it runs in the peers' environment."""

import json
import resource
from pathlib import Path


def report(
    peer: str, started: float, loaded: float, done: float, rows: int, signals: list[str], **more: object
) -> None:
    """Print what a peer took: seconds from tables in memory to the finished frame, and with reading."""
    said = {
        "peer": peer,
        "seconds": round(done - loaded, 3),
        "seconds_with_reading": round(done - started, 3),
        "rows": rows,
        "peak_rss_mib": peak_rss_mib(),
        "finished": True,
        **more,
        "signals": signals,
    }
    print(json.dumps(said))


def peak_rss_mib() -> int:
    """The peak of this process's memory; ``getrusage`` alone would count that of the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
