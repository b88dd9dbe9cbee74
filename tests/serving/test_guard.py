"""What stands around every request."""

import pytest

from serving.guard import MAX_BODY_BYTES


@pytest.mark.parametrize("path", ["/", "/v1/deals", "/healthz", "/sign-in", "/static/style.css", "/nothing"])
def test_every_answer_tells_browsers_to_be_careful(client, path):
    headers = client.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert ("no-store" in headers["cache-control"]) == (path != "/static/style.css")


def test_a_body_that_declares_too_much_is_refused(client):
    answer = client.post("/v1/score", content=b"[" + b" " * MAX_BODY_BYTES + b"]")
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert f"{MAX_BODY_BYTES:,}" in answer.json()["detail"]


def test_a_body_that_grows_too_long_is_refused(client):
    def pieces():
        for _ in range(MAX_BODY_BYTES // 100_000 + 1):
            yield b" " * 100_000

    answer = client.post("/v1/score", content=pieces(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


@pytest.mark.slow
def test_pages_carry_no_script_and_no_style_of_their_own(client):
    for path in ("/", "/manager", "/changes", "/deals/D1", "/docs", "/sign-in"):
        text = client.get(path, headers={"accept": "text/html"}).text
        assert "<script" not in text
        assert " style=" not in text
        assert "<style" not in text
