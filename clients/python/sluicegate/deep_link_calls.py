"""DeepLinkService as methods of the client."""

from collections.abc import Mapping
from datetime import UTC, timedelta

from sluicegate.connection import Connected, translated
from sluicegate.records import RecordRef, encode_ref
from sluicegate.results import DeepLink, Platform, ResolvedDeepLink, decode_resolved, encode_device
from sluicegate.v1.deep_link_service_pb2 import CreateDeepLinkRequest, ResolveDeepLinkRequest


class DeepLinkCalls(Connected):
    """The calls that make and follow links to records."""

    async def create_deep_link(
        self,
        record: RecordRef,
        *,
        provider: str = "",
        ttl: timedelta | None = None,
        action: str = "",
        campaign: Mapping[str, str] | None = None,
    ) -> DeepLink:
        """Make a signed link to a record, which need not exist yet.

        Args:
            record: The record that the link opens.
            provider: Name of a configured link provider. Empty means the org's default.
            ttl: How long the link is valid, from a minute to ten years. None means the org's default.
            action: What the app should do with the record. Empty means `view`.
            campaign: Campaign fields that travel with the link, for example `utm_source`. Signed, not secret.

        Raises:
            SluicegateError: The call failed.

        """
        request = CreateDeepLinkRequest(
            org=self._org,
            record=encode_ref(record),
            provider=provider,
            action=action,
            campaign=campaign or {},
        )
        if ttl is not None:
            request.ttl.FromTimedelta(ttl)
        with translated():
            response = await self._stubs.links.CreateDeepLink(request, timeout=self._timeout)
        return DeepLink(response.url, response.expire_time.ToDatetime(tzinfo=UTC))

    async def resolve_deep_link(
        self,
        source: str | RecordRef,
        *,
        platform: Platform | None = None,
        app_installed: bool | None = None,
    ) -> ResolvedDeepLink:
        """Tell what to open for a link or a record, best first.

        Args:
            source: A link that `create_deep_link` made, or a record.
            platform: The platform of the device; None when it is not known.
            app_installed: Whether the company's own app is on the device; None when it is not known.

        Raises:
            SluicegateError: The call failed: the link is not genuine or has expired, or no record has the external id.
            ValueError: The platform is none of the words.

        """
        request = ResolveDeepLinkRequest(org=self._org, device=encode_device(platform, app_installed=app_installed))
        if isinstance(source, str):
            request.url = source
        else:
            request.record.CopyFrom(encode_ref(source))
        with translated():
            response = await self._stubs.links.ResolveDeepLink(request, timeout=self._timeout)
        return decode_resolved(response)
