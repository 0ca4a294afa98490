"""The company's own URI scheme, which its app registers."""

from service.deep_links.providers.kind import SCHEME, AccountValue, ProviderKind

KIND = ProviderKind(
    title="The company's own scheme, which its app registers",
    account={"scheme": AccountValue("the scheme, for example acme", SCHEME)},
    templates={"app_scheme": "<scheme>://record/{object}/{key}?field={external_id_field?}&action={action}&{query}"},
)
