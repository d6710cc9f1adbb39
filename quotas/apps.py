"""Registers the app with Django."""

from django.apps import AppConfig


class QuotasConfig(AppConfig):
    name = "quotas"
