"""Addresses of showback: a month, a team in it, a service, a day; shared deployments."""

from django.urls import path

from showback import views
from showback.views import imports, sharing

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
    path("showback/", views.showback, name="showback"),
    path("showback/<str:month>/", views.month, name="showback_month"),
    path("showback/<str:month>/<str:team>/", views.team, name="showback_team"),
    path("showback/<str:month>/<str:team>/<str:service>/", views.service, name="showback_service"),
    path(
        "showback/<str:month>/<str:team>/<str:service>/<int:day>/", views.day, name="showback_day"
    ),
]
