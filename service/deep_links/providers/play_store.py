"""The app's page in Google Play, whose install referrer takes the claim of the link to the app.

Source: Android Developers, "Play Install Referrer Library".
"""

from service.deep_links.providers.kind import AccountValue, ProviderKind

KIND = ProviderKind(
    title="The app's page in Google Play, with the install referrer",
    account={"package": AccountValue("the app's package, for example com.acme.app")},
    templates={"store_android": "https://play.google.com/store/apps/details?id=<package>&referrer={referrer?}"},
)
