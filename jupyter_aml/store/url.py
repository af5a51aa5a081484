"""URLs of workspaces that are elsewhere: what of them is a credential, and what people may see."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

SECRETS = frozenset({"password", "token", "sslpassword"})
"""Parameters of a URL that are credentials."""
OURS = frozenset({"schema", "artifacts"})
"""Parameters of a database's URL that are not the database's own."""


def parameters(url: str) -> dict[str, str]:
    """What stands behind a URL's question mark."""
    return dict(parse_qsl(urlsplit(url).query))


def without_credentials(url: str) -> str:
    """A URL as people may see it. Parameters that only say where artifacts go are left out too."""
    parts = urlsplit(url)
    scheme = "postgresql" if parts.scheme == "postgres" else parts.scheme
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port else ""
    user = f"{quote(unquote(parts.username), safe='')}@" if parts.username else ""
    query = urlencode(sorted((k, v) for k, v in parse_qsl(parts.query) if k not in SECRETS and k != "artifacts"))
    return urlunsplit((scheme, f"{user}{host}{port}", parts.path.rstrip("/"), query, ""))


def has_credentials(url: str) -> bool:
    """Whether a URL holds what nobody else may see."""
    parts = urlsplit(url)
    return bool(parts.password) or any(k in SECRETS for k, _ in parse_qsl(parts.query))
