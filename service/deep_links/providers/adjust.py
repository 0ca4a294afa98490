"""Adjust's branded links. It opens `adj_deep_link` in the app, also after installation.

Source: Adjust, "Link structure and parameters".
"""

from service.deep_links.providers.kind import HOST, AccountValue, ProviderKind

KIND = ProviderKind(
    title="Adjust",
    account={
        "adjust_host": AccountValue("the branded domain, for example acme.go.link", HOST),
        "adjust_tracker": AccountValue("the link token that clicks are counted for"),
    },
    templates={
        "provider_link": (
            "https://<adjust_host>/record/{object}/{key}?adj_t=<adjust_tracker>&adj_campaign={utm_campaign?}"
            "&adj_adgroup={utm_medium?}&adj_creative={utm_content?}&adj_deep_link={app_scheme?}&adj_fallback={web?}"
        )
    },
)
