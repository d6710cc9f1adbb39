"""Addresses of showback: a month, a team in it, a service, a day; shared deployments; the API."""

from django.urls import path

from showback import views
from showback.api import callers, hours
from showback.api import sharing as api
from showback.views import imports, sharing

SHARED = "api/v1/shared-deployments/"
CALLERS = "api/v1/callers/"

urlpatterns = [
    path("sharing/", sharing.index, name="shared_deployments"),
    path("sharing/add/", sharing.add, name="share_deployment"),
    path("sharing/import/", imports.show, name="caller_import"),
    path("sharing/import/template.csv", imports.template, name="caller_import_template"),
    path("sharing/<int:pk>/", sharing.detail, name="shared_deployment"),
    path("sharing/<int:pk>/end/", sharing.end, name="end_sharing"),
    path("sharing/<int:pk>/split/", sharing.split, name="split_rule"),
    path("sharing/<int:pk>/rules/<int:rule>/end/", sharing.end_rule, name="end_split_rule"),
    path("sharing/<int:pk>/callers/<int:caller>/map/", sharing.map_one, name="map_caller"),
    path("sharing/<int:pk>/callers/<int:caller>/end/", sharing.unmap_one, name="unmap_caller"),
    path("showback/", views.showback, name="showback"),
    path("showback/<str:month>/", views.month, name="showback_month"),
    path("showback/<str:month>/<str:team>/", views.team, name="showback_team"),
    path("showback/<str:month>/<str:team>/<str:service>/", views.service, name="showback_service"),
    path(
        "showback/<str:month>/<str:team>/<str:service>/<int:day>/", views.day, name="showback_day"
    ),
    path(SHARED, api.SharedDeployments.as_view(), name="api_shared_deployments"),
    path(f"{SHARED}<int:pk>/", api.Shared.as_view(), name="api_shared_deployment"),
    path(f"{SHARED}<int:pk>/end/", api.EndSharing.as_view(), name="api_end_sharing"),
    path(f"{SHARED}<int:pk>/split-rules/", api.SplitRules.as_view(), name="api_split_rules"),
    path(
        f"{SHARED}<int:pk>/split-rules/<int:rule>/end/",
        api.EndSplitRule.as_view(),
        name="api_end_split_rule",
    ),
    path(CALLERS, callers.Callers.as_view(), name="api_callers"),
    path(f"{CALLERS}<int:pk>/mappings/", callers.Mappings.as_view(), name="api_mappings"),
    path(f"{CALLERS}<int:pk>/mappings/end/", callers.EndMapping.as_view(), name="api_end_mapping"),
    path("api/v1/caller-imports/", callers.CallerImports.as_view(), name="api_caller_imports"),
    path("api/v1/unattributed/", hours.Unattributed.as_view(), name="api_unattributed"),
    path("api/v1/services/<slug:slug>/hours/", hours.ServiceHours.as_view(), name="api_hours"),
]
