"""Addresses of showback: a month, a team in it, a service of that, a day of that."""

from django.urls import path

from showback import views

urlpatterns = [
    path("showback/", views.showback, name="showback"),
    path("showback/<str:month>/", views.month, name="showback_month"),
    path("showback/<str:month>/<str:team>/", views.team, name="showback_team"),
    path("showback/<str:month>/<str:team>/<str:service>/", views.service, name="showback_service"),
    path(
        "showback/<str:month>/<str:team>/<str:service>/<int:day>/", views.day, name="showback_day"
    ),
]
