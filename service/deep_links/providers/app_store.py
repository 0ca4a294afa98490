"""The app's page in Apple's App Store. Nothing in its address reaches the app that is installed from it.

Source: Apple, "App Analytics: campaign links" (`pt`, `ct`, `mt`).
"""

from service.deep_links.providers.kind import NUMBER, AccountValue, ProviderKind

KIND = ProviderKind(
    title="The app's page in the App Store",
    account={
        "app_store_id": AccountValue("the app's number in the App Store", NUMBER),
        "app_store_provider": AccountValue("the provider token of App Store campaigns, if there are any"),
    },
    templates={
        "store_ios": "https://apps.apple.com/app/id<app_store_id>?pt=<app_store_provider?>&ct={utm_campaign?}&mt=8"
    },
)
