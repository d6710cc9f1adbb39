"""What the APIs of both apps read alike: moments with an offset, windows in the address, files."""

from typing import IO, Any

from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from portal.kernel.windows import Window


class MomentField(serializers.DateTimeField):
    """ISO 8601 with an offset: a time without one means something else in every zone."""

    def enforce_timezone(self, value: Any) -> Any:
        if value.tzinfo is None:
            raise serializers.ValidationError("Give the offset too, such as 2026-03-14T09:00:00Z.")
        return super().enforce_timezone(value)


class WindowQuery(serializers.Serializer[Any]):
    """`?from=&until=`: both or neither."""

    until = MomentField(required=False)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": MomentField(required=False)}

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if len(data) == 1:
            raise serializers.ValidationError("Give both from and until, or neither.")
        if data and data["from"] >= data["until"]:
            raise serializers.ValidationError({"until": "The end must be after the start."})
        return data


def asked_window(request: Request, usual: Window) -> Window:
    """Raises ValidationError, with a sentence."""
    query = WindowQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    found = query.validated_data
    return Window(found["from"], found["until"]) if found else usual


class CsvParser(BaseParser):
    """The bytes as they are, one more than an import takes at most."""

    media_type = "text/csv"
    most_bytes: int

    def parse(self, stream: IO[bytes], media_type: Any = None, context: Any = None) -> bytes:
        return stream.read(self.most_bytes + 1)
