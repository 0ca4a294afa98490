"""Plain pages of the company's own web application."""

from service.deep_links.providers.kind import HOST, AccountValue, ProviderKind

KIND = ProviderKind(
    title="Plain web pages",
    account={"web_host": AccountValue("the host of the web application", HOST)},
    templates={"web": "https://<web_host>/record/{object}/{key}?field={external_id_field?}&action={action}&{query}"},
)
