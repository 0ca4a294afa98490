"""AppsFlyer OneLink. Its SDK hands `deep_link_value` and `deep_link_sub1…` to the app, also after installation.

Source: AppsFlyer, "OneLink link parameters".
"""

from service.deep_links.providers.kind import HOST, AccountValue, ProviderKind

KIND = ProviderKind(
    title="AppsFlyer OneLink",
    account={
        "onelink_host": AccountValue("the link domain, for example acme.onelink.me", HOST),
        "onelink_template": AccountValue("the id of the OneLink template"),
        "onelink_media_source": AccountValue("the media source that links are counted for"),
    },
    templates={
        "provider_link": (
            "https://<onelink_host>/<onelink_template>?pid=<onelink_media_source>&c={utm_campaign?}"
            "&af_channel={utm_source?}&deep_link_value={path}&deep_link_sub1={action}"
            "&deep_link_sub2={deferred_token?}&af_dp={app_scheme?}&af_web_dp={web?}&af_force_deeplink=true"
        )
    },
)
