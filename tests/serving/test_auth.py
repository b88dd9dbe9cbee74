"""Who may come in, at every route there is."""

import re
from itertools import product

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount

from crm.errors import SettingsError
from serving.auth import PUBLIC_PATHS, ApiKey, is_public

PAGE = {"accept": "text/html"}
OUR_PAGE = {"origin": "http://testserver"}


def every_route(routes) -> list[tuple[str, str]]:
    """Method and path of every route, also of those inside included routers."""
    found = []
    for route in routes:
        if hasattr(route, "effective_candidates"):
            found += every_route(route.effective_candidates())
        elif isinstance(route, Mount):
            found.append(("GET", f"{route.path}/style.css"))
        else:
            found += [(method, route.path) for method in route.methods]
    return found


def address(path: str) -> str:
    return re.sub(r"\{deal_id(:path)?\}", "D1", path)


def test_the_walk_over_the_routes_finds_them_all(client):
    found = {path for _, path in every_route(client.app.routes)}
    assert {
        "/v1/score",
        "/v1/forecast",
        "/v1/forecast/changes",
        "/manager",
        "/changes",
        "/docs",
        "/openapi.json",
        "/sign-out",
        "/static/style.css",
    } <= found
    assert set(client.app.openapi()["paths"]) <= {path.replace(":path", "") for path in found}
    assert not [route for route in client.app.routes if isinstance(route, APIRoute) and route.path not in found]


def test_without_a_key_only_the_public_paths_answer(store, make_client):
    stranger = make_client(store, key=None)
    for (method, path), accept in product(every_route(stranger.app.routes), ("application/json", "text/html")):
        answer = stranger.request(method, address(path), headers={"accept": accept, **OUR_PAGE})
        refused = answer.status_code == 401 or answer.headers.get("location", "").startswith("/sign-in?")
        public = path in PUBLIC_PATHS or path == "/static/style.css"
        # A wrong (empty) key typed into the sign-in form is a 401 too, but a page.
        assert refused != public or (method, path) == ("POST", "/sign-in"), (method, path, answer.status_code)


@pytest.mark.slow
def test_with_the_key_every_route_answers(client):
    for method, path in every_route(client.app.routes):
        assert client.request(method, address(path)).status_code not in (403, 404, 405, 500), (method, path)


def test_public_are_only_health_and_sign_in():
    assert {"/healthz", "/readyz", "/sign-in"} == PUBLIC_PATHS
    assert not is_public("/static")
    assert not is_public("/sign-in/")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic a-key-for-tests-0123456789"},
        {"authorization": "Bearer "},
        {"authorization": "a-key-for-tests-0123456789"},
        {"x-api-key": "a-key-for-tests-012345678"},
        {"x-api-key": ""},
        {"cookie": "plumbline=eyJzaWduZWRfaW4iOiB0cnVlfQ==.forged.forged"},
    ],
)
def test_a_missing_or_wrong_key_is_a_401_that_says_how_to_send_it(store, make_client, headers):
    answer = make_client(store, key=None).get("/v1/deals", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "X-API-Key" in answer.json()["remedy"]


@pytest.mark.parametrize("name", ["authorization", "x-api-key"])
def test_the_key_opens_in_either_header(store, make_client, hand_made, name):
    value = f"bearer {hand_made.key}" if name == "authorization" else hand_made.key
    assert make_client(store, key=None).get("/openapi.json", headers={name: value}).status_code == 200


def test_a_key_in_the_address_opens_nothing(store, make_client, hand_made):
    stranger = make_client(store, key=None)
    for name in ("key", "api_key", "access_token"):
        assert stranger.get("/v1/deals", params={name: hand_made.key}).status_code == 401


def test_a_refused_body_is_not_even_parsed(store, make_client):
    assert make_client(store, key=None).post("/v1/score", content=b"{not json").status_code == 401


@pytest.mark.parametrize("key", [None, "", "   ", "short"])
def test_there_is_no_service_without_a_proper_key(key):
    with pytest.raises(SettingsError, match="PLUMBLINE_API_KEY"):
        ApiKey(key)


def test_another_key_makes_another_session_secret():
    assert ApiKey("a" * 20).session_secret != ApiKey("b" * 20).session_secret


def sign_in(client, key, **more):
    return client.post("/sign-in", data={"key": key, **more}, headers=OUR_PAGE)


def test_a_person_signs_in_once_and_signs_out(store, make_client, hand_made):
    browser = make_client(store, key=None)
    answer = browser.get("/deals/D1?from=mail", headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/deals/D1%3Ffrom%3Dmail")
    form = browser.get(answer.headers["location"], headers=PAGE)
    assert 'value="/deals/D1?from=mail"' in form.text
    answer = sign_in(browser, f" {hand_made.key} ", next="/deals/D1?from=mail")
    assert (answer.status_code, answer.headers["location"]) == (303, "/deals/D1?from=mail")
    assert browser.get("/deals/D1", headers=PAGE).status_code == 200
    assert browser.get("/v1/deals/D1").status_code == 200
    assert browser.post("/sign-out", headers=OUR_PAGE).headers["location"] == "/sign-in"
    assert browser.get("/deals/D1", headers=PAGE).status_code == 303


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(store, make_client, hand_made):
    cookie = sign_in(make_client(store, key=None), hand_made.key).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    assert hand_made.key not in cookie


def test_over_https_the_cookie_stays_on_https(store, make_client, hand_made):
    browser = make_client(store, key=None)
    browser.base_url = "https://testserver"
    answer = browser.post("/sign-in", data={"key": hand_made.key}, headers={"origin": "https://testserver"})
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "max-age" in answer.headers["strict-transport-security"]


@pytest.mark.parametrize("headers", [{}, {"origin": "https://evil.example"}, {"origin": "null"}])
def test_another_site_cannot_act_for_a_person(store, make_client, hand_made, headers):
    browser = make_client(store, key=None)
    sign_in(browser, hand_made.key)
    assert browser.post("/sign-out", headers=headers).status_code == 403
    assert browser.post("/sign-in", data={"key": hand_made.key}, headers=headers).status_code == 403
    assert browser.post("/v1/score", json={}, headers=headers).status_code == 403


def test_a_program_with_the_key_needs_no_origin(client):
    assert client.post("/v1/score", json={}).status_code == 422


def test_guessing_is_slowed_down_even_for_the_right_key(store, make_client, hand_made):
    browser = make_client(store, key=None)
    for _ in range(5):
        assert sign_in(browser, "a wrong guess").status_code == 401
    answer = sign_in(browser, hand_made.key)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 61
    assert "Too many attempts" in answer.text


def test_a_wrong_key_is_not_shown_again(store, make_client):
    assert "my-secret-guess" not in sign_in(make_client(store, key=None), "my-secret-guess").text


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example/", "/\\evil.example", "/\n/evil", "x"])
def test_signing_in_leads_nowhere_else(store, make_client, hand_made, elsewhere):
    assert sign_in(make_client(store, key=None), hand_made.key, next=elsewhere).headers["location"] == "/"
