"""Answers that are not the one asked for, as RFC 9457 problem documents (or as a page, to a browser).

Each says what was found, and what to do next. A traceback never leaves the process.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from crm.errors import NoModelError, NotEnoughDataError, PlumblineError, RegistryError, StoreError
from crm.rejects import did_you_mean
from serving.guard import SECURITY_HEADERS
from serving.rendering import page, wants_page

MEDIA_TYPE = "application/problem+json"

# What the message of an exception of ours amounts to, over HTTP; any other is the caller's mistake.
_STATUS_OF_ERROR = {StoreError: 503, RegistryError: 503, NoModelError: 503, NotEnoughDataError: 503}

# What to do about a refused value, by the kind of mistake pydantic found.
_REMEDIES = {
    "missing": "add this field",
    "extra_forbidden": "leave this field out, or correct its name",
    "json_invalid": "send one JSON document, with Content-Type: application/json",
    "timezone_aware": "give the offset too, such as 2026-03-31T09:30:00Z",
    "datetime_from_date_parsing": "use ISO 8601 with an offset, such as 2026-03-31T09:30:00Z",
    "datetime_parsing": "use ISO 8601 with an offset, such as 2026-03-31T09:30:00Z",
    "date_from_datetime_parsing": "write it as YYYY-MM-DD, such as 2026-11-09",
    "literal_error": "use one of these",
    "string_pattern_mismatch": "write it as the pattern in the problem asks",
    "too_long": "send fewer entries",
    "greater_than_equal": "use a larger number",
    "less_than_equal": "use a smaller number",
}
_DEFAULT_REMEDY = "correct the value; GET /docs describes each field"
_SHOWN_CHARACTERS = 120

# What a page is headed with, where the words of HTTP say nothing to a person.
_FOR_PEOPLE = {422: "This cannot be shown", 503: "Not ready yet"}


class Problem(Exception):  # noqa: N818 (the word of RFC 9457)
    """An answer that is not the one asked for.

    Parameters
    ----------
    status : HTTP status, 400 to 599
    detail : what was found, as a sentence
    remedy : what to do next, as a sentence
    headers : sent with the answer
    more : further members of the document, such as ``errors`` or ``missing``
    """

    def __init__(
        self,
        status: int,
        detail: str,
        remedy: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.remedy = status, detail, remedy
        self.headers, self.more = dict(headers or {}), dict(more or {})


def add_handlers(app: FastAPI) -> None:
    """Make every error of ``app`` a problem document, or a page for a browser."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(PlumblineError, _ours)
    app.add_exception_handler(Exception, _unexpected)


def answer(request: Request, problem: Problem) -> Response:
    """Write ``problem`` as a document, or as a page when a browser asked for a page."""
    if wants_page(request):
        title = _FOR_PEOPLE.get(problem.status) or _title(problem.status)
        return page(request, "error.html", {"problem": problem, "title": title}, problem.status)
    return document(problem, request.url.path)


def document(problem: Problem, instance: str) -> JSONResponse:
    """Write ``problem`` as application/problem+json about the path ``instance``."""
    content = {
        "type": "about:blank",
        "title": _title(problem.status),
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
    }
    if problem.remedy:
        content["remedy"] = problem.remedy
    return JSONResponse(content | problem.more, problem.status, problem.headers, MEDIA_TYPE)


def refused(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """Name every refused value: which field, what was found, what is wrong with it, what to do."""
    entries = [_refusal(error) for error in errors]
    count = "1 value was refused" if len(entries) == 1 else f"{len(entries)} values were refused"
    detail = f"{count}; the first is {entries[0]['field']}: {entries[0]['problem']}"
    return Problem(422, detail, "Correct the values listed in errors and send again.", more={"errors": entries})


def known_team(team: str, teams: Iterable[str]) -> None:
    """Raise a ``Problem`` (404) for a team that is not one of ``teams``; an empty name is all of them."""
    known = sorted(set(teams))
    if team and team not in known:
        raise Problem(404, f"No team is called {team!r}{did_you_mean(team, known)}.", f"There are {', '.join(known)}.")


def _refusal(error: Mapping[str, Any]) -> dict[str, str]:
    where = [str(part) for part in error["loc"]]
    # The first part says where pydantic looked (body, query, path): of use only when it stands alone.
    field = ".".join(where[1:]) or where[0]
    found = "" if error["type"] in ("missing", "json_invalid") else _shown(error.get("input"))
    problem = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "json_invalid":  # it says where by a position in the text, not by a field
        field, problem = "body", f"not JSON from character {where[-1]} on"
    remedy = str(error.get("remedy") or _REMEDIES.get(error["type"], _DEFAULT_REMEDY))
    if error["type"] == "literal_error":  # pydantic writes the values as 'this', 'next' or 'both'
        remedy += did_you_mean(str(error.get("input")), re.findall(r"'([^']*)'", error["ctx"]["expected"]))
    return {"field": field, "value": found, "problem": problem, "remedy": remedy}


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."


def _title(status: int) -> str:
    return HTTPStatus(status).phrase


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 (registered for this class only)
    return answer(request, error)


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 (registered for this class only)
    detail, remedy = str(error.detail), ""
    if error.status_code == 404:
        detail, remedy = f"There is nothing at {request.url.path}.", "GET /docs lists every address there is."
    if error.status_code == 413:
        remedy = "Send less in one request."
    if error.status_code == 405:
        detail = f"{request.method} is not something {request.url.path} answers."
        remedy = f"Use {(error.headers or {}).get('Allow', 'another method')}."
    return answer(request, Problem(error.status_code, detail, remedy, headers=error.headers))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 (registered for this class only)
    return answer(request, refused(error.errors()))


async def _ours(request: Request, error: Exception) -> Response:
    status = next((status for kind, status in _STATUS_OF_ERROR.items() if isinstance(error, kind)), 422)
    return answer(request, Problem(status, str(error)))


async def _unexpected(request: Request, _error: Exception) -> Response:
    problem = Problem(
        500,
        "Something went wrong inside Plumbline; it is not your request.",
        "Try again; if it happens again, the server's log has the details.",
    )
    response = answer(request, problem)
    # This answer is made outside every middleware, so it brings their headers itself.
    response.headers.update(SECURITY_HEADERS)
    return response
