"""The real server: a process of its own, asked over a socket."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from crm.errors import SettingsError
from crm.settings import Settings
from serving import main

ROOT = Path(__file__).resolve().parents[2]
START = "from crm.settings import Settings; from serving import main; main.run(Settings())"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(address: str, headers: dict[str, str] | None = None) -> tuple[int, dict]:
    request = urllib.request.Request(address, headers=headers or {})  # noqa: S310 (our own address)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 (our own address)
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    return os.environ | {"PLUMBLINE_STORE_URL": f"sqlite:///{tmp_path}/plumbline.db", "NO_COLOR": "1"} | more


def test_settings_without_a_key_build_nothing(tmp_path):
    settings = Settings(store_url=f"sqlite:///{tmp_path}/none.db", api_key=None)
    with pytest.raises(SettingsError, match="never an open service"):
        main.built(settings)
    assert not (tmp_path / "none.db").exists()


@pytest.mark.slow
def test_a_real_server_answers_and_keeps_the_key_to_itself(store, hand_made, tmp_path):
    store.append("scores", hand_made.all_scores())
    port = free_port()
    settings = environment(tmp_path, PLUMBLINE_API_KEY=hand_made.key, PLUMBLINE_PORT=str(port))
    settings["MLFLOW_TRACKING_URI"] = f"sqlite:///{tmp_path}/mlflow.db"
    log = tmp_path / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen([sys.executable, "-c", START], cwd=ROOT, env=settings, stdout=output, stderr=output)
        try:
            base = f"http://127.0.0.1:{port}"
            wait_until_up(base, server)
            assert ask(f"{base}/v1/deals")[0] == 401
            status, deals = ask(f"{base}/v1/deals", {"X-API-Key": hand_made.key})
            assert (status, [deal["deal_id"] for deal in deals["deals"]]) == (200, hand_made.ranked)
        finally:
            server.terminate()
            assert server.wait(timeout=20) is not None
    assert "/v1/deals" in log.read_text()
    assert hand_made.key not in log.read_text()


def wait_until_up(base: str, server: subprocess.Popen) -> None:
    for _ in range(300):
        assert server.poll() is None, "the server stopped"
        try:
            if ask(f"{base}/healthz")[0] == 200:
                return
        except urllib.error.URLError:
            time.sleep(0.2)
    raise AssertionError("the server did not come up within a minute")


@pytest.mark.slow
def test_a_real_server_refuses_to_start_without_a_key(tmp_path):
    settings = environment(tmp_path)
    settings.pop("PLUMBLINE_API_KEY", None)
    ended = subprocess.run(
        [sys.executable, "-c", START], cwd=ROOT, env=settings, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode != 0
    assert "set PLUMBLINE_API_KEY to a secret" in ended.stderr


def test_an_address_that_is_taken_is_named_before_anything_starts():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"Nothing can listen on 127\.0\.0\.1, port {port} .*PLUMBLINE_PORT"):
            main._check_address("127.0.0.1", port)
