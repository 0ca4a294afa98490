"""Long links of Branch. Its SDK hands `$deeplink_path` and the link's own data to the app, also after installation.

Source: Branch, "Creating a deep link" (`$` control parameters, `~` analytics).
"""

from service.deep_links.providers.kind import HOST, AccountValue, ProviderKind

KIND = ProviderKind(
    title="Branch",
    account={"branch_host": AccountValue("the link domain, for example acme.app.link", HOST)},
    templates={
        "provider_link": (
            "https://<branch_host>/?$deeplink_path={path}&$canonical_url={web?}&$desktop_url={web?}"
            "&$ios_url={store_ios?}&$android_url={store_android?}&$fallback_url={web?}"
            "&~channel={utm_source?}&~feature={utm_medium?}&~campaign={utm_campaign?}"
            "&action={action}&deferred_token={deferred_token?}"
        )
    },
)
