"""The portal's Azure side: the only importer of `azure.*`.

`capacity.AzureCapacity` implements `quotas.gateway.CapacityGateway`, `metrics.AzureMetrics`
implements `showback.gateway.UsageSource`; settings name both by dotted path. No database here: what
Azure says comes out as the plain values of those contracts, and what goes wrong as
`portal.kernel.errors.CloudError`. `docs/azure.md` lists every call and the right it needs.
"""
