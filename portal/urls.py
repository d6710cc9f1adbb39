"""Every address of the portal. One file per app; pages that join both apps live here."""

from django.contrib.auth import views as auth_views
from django.urls import URLPattern, URLResolver, path

from portal.views import health
from portal.views.styleguide import styleguide

urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", health.live, name="live"),
    path("readyz", health.ready, name="ready"),
    path(
        "accounts/login/",
        auth_views.LoginView.as_view(template_name="portal/login.html"),
        name="login",
    ),
    path("accounts/logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("styleguide", styleguide, name="styleguide"),
]
