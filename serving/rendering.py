"""Pages out of templates. Everything put into one is escaped, unless a template says otherwise by name."""

from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from serving import wording

HERE = Path(__file__).parent
SIGNED_IN = "signed_in"
"""What the session of someone who has signed in holds."""
_API_PREFIXES = ("/v1/", "/healthz", "/readyz", "/openapi.json")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in wording.FILTERS:
        environment.filters[function.__name__] = function
    return environment


_TEMPLATES = _environment()


def page(request: Request, template: str, context: dict[str, Any], status: int = 200) -> HTMLResponse:
    """Render ``template`` with ``context`` as an HTML page; it also sees what was asked for, and by whom.

    Where there is a ``view`` the page offers the currencies that its sums can be shown in.
    """
    view = context.get("view")
    here = {
        "path": request.url.path,
        "query": request.query_params.multi_items(),
        "signed_in": bool((request.scope.get("session") or {}).get(SIGNED_IN)),
        "currencies": [] if view is None else sorted({request.app.state.services.latest.currency, *view.rates}),
    }
    return HTMLResponse(_TEMPLATES.get_template(template).render(here | context), status)


def wants_page(request: Request) -> bool:
    """Whether a browser asked for a page, rather than a program for data."""
    if request.url.path.startswith(_API_PREFIXES):
        return False
    return "text/html" in request.headers.get("accept", "")
