"""``/openapi.json`` for programs, and ``/docs``: the same as a page, without a script from elsewhere."""

import json
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response

from serving.problems import MEDIA_TYPE
from serving.rendering import page

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
def openapi(request: Request) -> Response:
    """Return the OpenAPI document."""
    return JSONResponse(described(request.app))


@router.get("/docs")
def docs(request: Request) -> Response:
    """Show every route with its parameters, an example request and an example answer."""
    document = described(request.app)
    routes = [
        _route(document, method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return page(request, "docs.html", {"description": document["info"]["description"], "routes": routes})


def described(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of ``app``, with problems under the media type they are really sent as."""
    document = app.openapi()
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400 and "application/json" in response["content"]:
                    response["content"][MEDIA_TYPE] = response["content"].pop("application/json")
    return document


def _route(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    answer = operation["responses"]["200"]["content"]["application/json"]
    return {
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "description": operation.get("description", ""),
        "parameters": [_parameter(parameter) for parameter in operation.get("parameters", [])],
        "request": _example(document, body),
        "answer": _example(document, answer),
        "needs_key": bool(operation.get("security")),
    }


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    default = parameter["schema"].get("default")
    return {
        "name": parameter["name"],
        "where": parameter["in"],
        "description": parameter.get("description", ""),
        "default": "" if default is None else str(default),
    }


def _example(document: dict[str, Any], content: dict[str, Any] | None) -> str | None:
    """The first example of the model a body refers to, as indented JSON."""
    if content is None or "$ref" not in content["schema"]:
        return None
    name = content["schema"]["$ref"].rsplit("/", 1)[1]
    return json.dumps(document["components"]["schemas"][name]["examples"][0], indent=2)
