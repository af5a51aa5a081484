"""A server that several people share, each with a role."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.identity import IdentityProvider, User
from traitlets.config import Config

from jupyter_aml.server.roles import RoleAuthorizer


class ByHeader(IdentityProvider):
    """Whoever the header says: as a proxy with a login of its own tells it."""

    def get_user(self, handler: Any) -> User | None:
        name = handler.request.headers.get("X-User")
        return User(username=name) if name else None


def with_roles(config: dict[str, Any]) -> Config:
    """A server's configuration: ann owns, ben contributes, nobody may nothing, everybody else reads."""
    config["ServerApp"] |= {
        "identity_provider_class": ByHeader, "authorizer_class": RoleAuthorizer, "disable_check_xsrf": True,
    }  # fmt: skip
    config["RoleAuthorizer"] = {
        "roles": {"ann": "owner", "ben": "contributor", "nobody": "none"}, "default_role": "reader",
    }  # fmt: skip
    config["JupyterAML"]["workspaces"] = ["second"]
    return Config(config)
