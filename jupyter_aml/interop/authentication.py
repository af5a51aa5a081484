"""``azureml.core.authentication``: ways to log in to Azure, for notebooks that choose one before they open their workspace.

Who may open a workspace is decided where it lies (a folder's permissions, a database's or a server's own login), and nothing is
asked of Azure. So these objects hold what they are given and can be handed over as ``auth=``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from jupyter_aml.errors import AuthenticationException, UserErrorException

_RUN_TOKEN = "AZUREML_RUN_TOKEN"
_NO_TOKEN = "local"
_LIFE = 3600.0
"""Seconds until a token is said to end."""


class AccessToken(NamedTuple):
    """A token, and when it ends (seconds since 1970)."""

    token: str
    expires_on: int


class Audience(Enum):
    """Whom a token is for."""

    ARM = "https://management.core.windows.net/"
    AZUREML = "https://ml.azure.com"
    arm = ARM
    aml = AZUREML


class AbstractAuthentication:
    """What all ways to log in have.

    Args:
        cloud: kept as text.
    """

    def __init__(self, cloud: str = "AzureCloud", **kwargs: Any) -> None:
        self._cloud = cloud

    def _text(self) -> str:
        # The Jupyter server's own token stays out of it: old notebooks send this header to addresses outside.
        return os.environ.get(_RUN_TOKEN) or _NO_TOKEN

    def get_token(self, *scopes: str, **kwargs: Any) -> Any:
        """The token of the run that this process is; "local" elsewhere."""
        return AccessToken(self._text(), int(time.time() + _LIFE))

    def get_authentication_header(self) -> dict[str, str]:
        """As a header for requests: ``{"Authorization": "Bearer …"}``."""
        return {"Authorization": f"Bearer {self._text()}"}

    def signed_session(self, session: Any = None) -> Any:
        """A session of ``requests`` (or the one given) whose requests carry the header."""
        if session is None:
            import requests

            session = requests.Session()
        session.headers.update(self.get_authentication_header())
        return session

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class InteractiveLoginAuthentication(AbstractAuthentication):
    """Login in a browser: nothing is asked here.

    Args:
        force: whether to ask again.
        tenant_id: kept as text.
        cloud: kept as text.
    """

    def __init__(self, force: bool = False, tenant_id: str | None = None, cloud: str = "AzureCloud") -> None:
        super().__init__(cloud)
        self._tenant_id = tenant_id


class AzureCliAuthentication(AbstractAuthentication):
    """The login of the ``az`` command."""


class MsiAuthentication(AbstractAuthentication):
    """The identity of the machine."""


class ServicePrincipalAuthentication(AbstractAuthentication):
    """The login of a program.

    Args:
        tenant_id, service_principal_id: kept as text.
        service_principal_password: not kept.
        cloud: kept as text.
    """

    def __init__(
        self,
        tenant_id: str,
        service_principal_id: str,
        service_principal_password: str,
        cloud: str = "AzureCloud",
        _enable_caching: bool = True,
    ) -> None:
        super().__init__(cloud)
        self._tenant_id = tenant_id
        self._service_principal_id = service_principal_id


class ArmTokenAuthentication(AbstractAuthentication):
    """A token that the caller has.

    Args:
        arm_access_token: the token.
        cloud: kept as text.
    """

    def __init__(self, arm_access_token: str, cloud: str = "AzureCloud") -> None:
        super().__init__(cloud)
        self.update_arm_access_token(arm_access_token)

    def update_arm_access_token(self, new_arm_access_token: str) -> None:
        """Take another.

        Raises:
            AuthenticationException: it is no text.
        """
        if not isinstance(new_arm_access_token, str) or not new_arm_access_token:
            raise AuthenticationException("An access token is text.")
        self._token = new_arm_access_token

    def _text(self) -> str:
        return self._token


class TokenAuthentication(AbstractAuthentication):
    """Tokens that a function of the caller's gives.

    Args:
        get_token_for_audience: takes whom it is for, as text, and returns the token.
        cloud: kept as text.

    Raises:
        UserErrorException: it is no function.
    """

    def __init__(self, get_token_for_audience: Callable[[str], str], cloud: str = "AzureCloud") -> None:
        super().__init__(cloud)
        if not callable(get_token_for_audience):
            raise UserErrorException("get_token_for_audience is a function that takes whom a token is for.")
        self._give = get_token_for_audience

    def get_token(self, audience: Any = Audience.ARM, *scopes: str, **kwargs: Any) -> Any:
        """The function's token for `audience`."""
        return self._give(audience.value if isinstance(audience, Audience) else str(audience))

    def _text(self) -> str:
        return str(self._give(Audience.ARM.value))
