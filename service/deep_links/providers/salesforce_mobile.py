"""The record in Salesforce's own mobile app: `salesforce1://sObject/<id>/view`."""

from service.deep_links.providers.kind import ProviderKind

KIND = ProviderKind(
    title="Salesforce's mobile app",
    templates={"salesforce_mobile": "salesforce1://sObject/{id}/{page}"},
)
