"""What stands at a path of an application, and what does not."""

from starlette.requests import Request
from starlette.routing import Route


def methods_at(request: Request) -> tuple[str, ...]:
    """The methods that a request's path answers, in alphabetical order; none where there is nothing."""
    routes = request.app.router.routes
    here = [one for one in routes if isinstance(one, Route) and one.path_regex.match(request.scope["path"])]
    return tuple(sorted({method for one in here for method in one.methods or ()}))
