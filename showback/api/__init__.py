"""The API of sharing: what the pages of shared deployments tell and do, with the same services.

Organisation-wide roles read, platform owners write; a service's hours are for whoever sees it. What
a person may not see does not exist for them: 404. Times are ISO 8601 with an offset.
"""
