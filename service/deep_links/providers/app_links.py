"""Universal Links of iOS and App Links of Android: https addresses that the company's app claims.

Sources: Apple, "Supporting associated domains"; Android Developers, "Android App Links".
"""

from service.deep_links.providers.kind import HOST, AccountValue, ProviderKind

KIND = ProviderKind(
    title="Universal Links and App Links: an https address that the company's app claims",
    account={"host": AccountValue("the host whose apple-app-site-association and assetlinks.json name the app", HOST)},
    templates={
        "app_link": "https://<host>/r/{object}/{key}?field={external_id_field?}&action={action}&{query}",
    },
)
