"""Registers the app with Django."""

from django.apps import AppConfig


class ShowbackConfig(AppConfig):
    name = "showback"
