"""Every address of the portal. One file per app; pages that join both apps live here."""

from django.contrib.auth import views as auth_views
from django.urls import URLPattern, URLResolver, include, path

from portal import api
from portal.views import health, messages, unattributed
from portal.views.glossary import glossary
from portal.views.health_page import health as health_page
from portal.views.history import fetch_history
from portal.views.home import home
from portal.views.login import SignIn
from portal.views.pool import pool
from portal.views.search import search
from portal.views.service import service
from portal.views.service.throttling import throttling
from portal.views.styleguide import styleguide

urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", health.live, name="live"),
    path("readyz", health.ready, name="ready"),
    path("accounts/login/", SignIn.as_view(), name="login"),
    path("accounts/logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("styleguide", styleguide, name="styleguide"),
    path("", home, name="home"),
    path("services/<slug:slug>/throttling/", throttling, name="throttling"),
    path("pools/<int:pk>/", pool, name="pool"),
    path("health/", health_page, name="health"),
    path("health/history/", fetch_history, name="fetch_history"),
    path("unattributed/", unattributed.index, name="unattributed"),
    path("unattributed/give/", unattributed.give, name="give_unattributed"),
    path("messages/", messages.index, name="messages"),
    path("messages/read/", messages.read_all, name="messages_read"),
    path("messages/mail/", messages.mail_wishes, name="mail_wishes"),
    path("messages/<int:pk>/", messages.message, name="message"),
    path("messages/<int:pk>/read/", messages.read, name="message_read"),
    path("api/v1/messages/", api.Messages.as_view(), name="api_messages"),
    path("api/v1/messages/<int:pk>/read/", api.ReadMessage.as_view(), name="api_message_read"),
    path("search/", search, name="search"),
    path("glossary/", glossary, name="glossary"),
    path("", include("quotas.urls")),
    path("", include("showback.urls")),
    path("services/<slug:slug>/", service, name="service"),  # after services/register/
]
