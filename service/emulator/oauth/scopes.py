"""What a token may be used for, as far as the token endpoint tells it.

The emulator does not restrict a session to its scopes: every token may call every resource.
"""

from service.emulator.oauth.faults import OAuthFault

ALL_SCOPES = (
    "api",
    "web",
    "full",
    "id",
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "refresh_token",
    "offline_access",
    "visualforce",
    "lightning",
    "content",
    "chatter_api",
    "custom_permissions",
)
"""What may be asked for. Source: Salesforce help, "OAuth Tokens and Scopes"."""

_REFRESHABLE = frozenset({"refresh_token", "offline_access"})


def granted(asked: str) -> str:
    """Return the scopes a user is asked to approve.

    Args:
        asked: Scopes with blanks between them; an empty text asks for all the app has.

    Raises:
        OAuthFault: invalid_scope for a name that is no scope; the text is Salesforce's description of the error.

    """
    names = list(dict.fromkeys(asked.split())) or list(ALL_SCOPES)
    if not set(names) <= set(ALL_SCOPES):
        raise OAuthFault("invalid_scope", "requested scope is invalid, unknown, or malformed")
    return " ".join(names)


def refreshable(scope: str) -> bool:
    """Tell whether a refresh token comes with the access token; `full` alone does not bring one."""
    return not _REFRESHABLE.isdisjoint(scope.split())


def identified(scope: str) -> bool:
    """Tell whether an id token comes with the access token."""
    return "openid" in scope.split()
