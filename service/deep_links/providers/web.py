"""Plain pages of the company's own web application."""

from service.deep_links.providers.kind import ProviderKind

KIND = ProviderKind(
    title="Plain web pages",
    account={"web_host": "the host of the web application"},
    templates={"web": "https://<web_host>/record/{object}/{key}?field={external_id_field?}&action={action}&{query}"},
)
