"""Roles, for servers that several people share: an Authorizer that a configuration can switch on.

    c.ServerApp.authorizer_class = "jupyter_aml.server.roles.RoleAuthorizer"
    c.RoleAuthorizer.roles = {"ann": "owner", "ben": "contributor"}
    c.RoleAuthorizer.default_role = "reader"

A name is a user's ``username`` by Jupyter's identity provider. Source of the two steps, identity and authorization:
https://jupyter-server.readthedocs.io/en/latest/operators/security.html
"""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.authorizer import Authorizer
from traitlets import Dict, Enum, Unicode

ROLES = ("none", "reader", "contributor", "owner")
"""Each may do what those before it may."""
_OWN = frozenset({"jupyter_aml:activity"})
"""Resources that only owners see."""


class RoleAuthorizer(Authorizer):
    """Readers look; contributors also run, log and change; owners also delete, change the workspace itself, and see who did what.

    It decides about the whole server: readers start no kernels and save no files either.
    """

    roles = Dict(
        key_trait=Unicode(),
        value_trait=Enum(ROLES),
        config=True,
        help="Username → role: none, reader, contributor or owner.",
    )
    default_role = Enum(ROLES, "none", config=True, help="The role of everybody else who has logged in.")

    def role(self, user: Any) -> str:
        """The role of a user."""
        found: str = self.roles.get(getattr(user, "username", ""), self.default_role)
        return found

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        """Whether a user may do this. See Authorizer.is_authorized."""
        return ROLES.index(self.role(user)) >= ROLES.index(self._needed(handler, action, resource))

    @staticmethod
    def _needed(handler: Any, action: str, resource: str) -> str:
        if resource in _OWN:
            return "owner"
        ours = resource.startswith("jupyter_aml:")
        if ours and (handler.request.method == "DELETE" or getattr(handler, "for_owners", False)):
            return "owner"
        return "reader" if action == "read" else "contributor"
