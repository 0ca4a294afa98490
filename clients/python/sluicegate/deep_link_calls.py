"""DeepLinkService as methods of the client."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Unpack

from sluicegate.connection import Connected, translated
from sluicegate.deep_links import (
    ClaimedDeepLink,
    DeepLink,
    DeepLinkDraft,
    DeepLinkError,
    Platform,
    ResolvedDeepLink,
    ResolveOptions,
    decode_claimed,
    decode_link,
    decode_resolved,
    decode_results,
    encode_device,
    encode_draft,
    encode_wishes,
)
from sluicegate.records import RecordRef, encode_ref
from sluicegate.v1.deep_link_service_pb2 import (
    ClaimDeepLinkRequest,
    CreateDeepLinksRequest,
    ResolveDeepLinkRequest,
)


class DeepLinkCalls(Connected):
    """The calls that make, follow and claim links to records."""

    async def create_deep_link(
        self,
        record: RecordRef,
        *,
        provider: str = "",
        ttl: timedelta | None = None,
        action: str = "",
        campaign: Mapping[str, str] | None = None,
        short: bool = False,
    ) -> DeepLink:
        """Make a signed link to a record, which need not exist yet.

        Args:
            record: The record that the link opens.
            provider: Name of a configured link provider. Empty means the org's default.
            ttl: How long the link is valid, from a minute to ten years. None means the org's default.
            action: What the app should do with the record. Empty means `view`.
            campaign: Campaign fields that travel with the link, for example `utm_source`. Signed, not secret.
            short: Whether the link's provider is asked for a short link too.

        Raises:
            SluicegateError: The call failed.

        """
        request = encode_draft(self._org, DeepLinkDraft(record, provider, ttl, action, campaign or {}, short))
        with translated():
            response = await self._stubs.links.CreateDeepLink(request, timeout=self._timeout)
        return decode_link(response)

    async def create_deep_links(self, drafts: Sequence[DeepLinkDraft]) -> list[DeepLink | DeepLinkError]:
        """Make up to 1,000 signed links, each on its own: one that cannot be made does not stop the others.

        Args:
            drafts: The links to make.

        Returns:
            One result for each draft, in their order.

        Raises:
            SluicegateError: The call failed as a whole: a draft breaks a rule of the contract, and is named.

        """
        request = CreateDeepLinksRequest(org=self._org, requests=[encode_draft("", draft) for draft in drafts])
        with translated():
            response = await self._stubs.links.CreateDeepLinks(request, timeout=self._timeout)
        return decode_results(response.results)

    async def resolve_deep_link(
        self,
        source: str | RecordRef,
        *,
        platform: Platform | None = None,
        app_installed: bool | None = None,
        **options: Unpack[ResolveOptions],
    ) -> ResolvedDeepLink:
        """Tell what to open for a link or a record, best first, and why.

        Args:
            source: A link that `create_deep_link` made, or a record.
            platform: The platform of the device; None when it is not known.
            app_installed: Whether the company's own app is on the device; None when it is not known.
            **options: What else is known and wanted: see `ResolveOptions`.

        Raises:
            SluicegateError: The call failed: the link is not genuine or has expired, or nothing opens.
            TypeError: The fields are one text instead of several.
            ValueError: The platform or the lookup is none of the words, or an answer is not what the contract says.

        """
        request = ResolveDeepLinkRequest(org=self._org, device=encode_device(platform, app_installed=app_installed))
        encode_wishes(request, **options)
        if isinstance(source, str):
            request.url = source
        else:
            request.record.CopyFrom(encode_ref(source))
        with translated():
            response = await self._stubs.links.ResolveDeepLink(request, timeout=self._timeout)
        return decode_resolved(response)

    async def claim_deep_link(
        self, token: str = "", *, install_referrer: str = "", platform: Platform, request_id: str = ""
    ) -> ClaimedDeepLink:
        """Tell an app that was installed from a link, at its first start, which record it was installed for.

        A token works once. With a `request_id` the call is repeated while the service is unavailable, and the caller
        may repeat it as well: the same id gets the same answer.

        Args:
            token: The `deferred_token` of `resolve_deep_link`; empty if the referrer holds it.
            install_referrer: What Google Play's Install Referrer library returned, as it is.
            platform: The platform on which the app was started.
            request_id: Names this start of the app among all, a UUID for example. Empty means no such protection.

        Raises:
            SluicegateError: The call failed: the token is not genuine, has expired or was used, or cannot be checked.
            ValueError: Both or neither of token and referrer are given, or the platform is none of the words.

        """
        if bool(token) == bool(install_referrer):
            raise ValueError("a link is claimed by a token or by an install_referrer, and not by both")
        request = ClaimDeepLinkRequest(org=self._org, device=encode_device(platform), request_id=request_id)
        if token:
            request.token = token
        else:
            request.install_referrer = install_referrer
        with translated():
            response = await self._repeated_if(
                request_id, lambda seconds: self._stubs.links.ClaimDeepLink(request, timeout=seconds)
            )
        return decode_claimed(response)
