"""What the OAuth endpoints refuse: a code and, mostly, a text."""


class OAuthFault(Exception):
    """A refusal of an OAuth endpoint. Source: Salesforce help, "OAuth 2.0 Authorization Errors".

    Args:
        error: The code.
        description: The text; several of Salesforce's are known only from reports. Empty when there is none.
        status: HTTP status.

    """

    def __init__(self, error: str, description: str = "", *, status: int = 400) -> None:
        super().__init__(f"{error}: {description}" if description else error)
        self.error = error
        self.description = description
        self.status = status

    def body(self) -> dict[str, object]:
        """Return the refusal as the JSON object callers see, or as the parameters of a redirect."""
        described: dict[str, object] = {"error_description": self.description} if self.description else {}
        return {"error": self.error} | described


def missing(parameter: str) -> OAuthFault:
    """Build the refusal of a request without a parameter it needs; the text is unverified."""
    return OAuthFault("invalid_request", f"missing required parameters: {parameter}")
