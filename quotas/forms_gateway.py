"""Which product of which gateway stands in front of a shared deployment."""

from django import forms

from portal.forms import RefusingForm


class ProductForm(RefusingForm):
    field_of = {
        "no_product": "product_id",
        "product_taken": "product_id",
        "azure_bad_request": "gateway_id",
        "azure_not_found": "gateway_id",
    }
    gateway_id = forms.CharField(
        label="Resource ID of the API Management service",
        max_length=300,
        help_text="It begins with /subscriptions/ and ends with the name of the service.",
        error_messages={"required": "Copy it from the service’s page in the Azure portal."},
    )
    product_id = forms.CharField(
        label="Product",
        max_length=256,
        help_text="Its id. Its policy limits every call through it, so it stands in front of this "
        "deployment alone.",
        error_messages={"required": "Say which product’s subscriptions call this deployment."},
    )
