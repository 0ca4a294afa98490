"""The record in Lightning Experience: `/lightning/r/<Object>/<id>/view` on the org's Lightning host."""

from service.deep_links.providers.kind import ProviderKind

KIND = ProviderKind(
    title="Lightning Experience",
    templates={"lightning": "{lightning}/lightning/r/{object}/{id}/{page}"},
)
