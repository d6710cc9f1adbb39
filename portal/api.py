"""The API for a person's own messages: read them, mark one as read."""

from typing import Any

from django.db.models import QuerySet
from django.utils.timezone import get_current_timezone
from rest_framework import generics, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.kernel.clock import now
from portal.models import Message
from portal.outbox.reading import mark_read, messages_of
from portal.outbox.wording import said


class NewestFirst(CursorPagination):
    ordering = ("-id",)
    page_size = 50


class MessageSerializer(serializers.ModelSerializer[Message]):
    """`facts` are what the sentence is made of; `url` is the page that it is about."""

    event = serializers.CharField(source="notice.event")
    at = serializers.DateTimeField(source="notice.at")
    subject = serializers.CharField(source="notice.subject")
    facts = serializers.JSONField(source="notice.facts")
    title = serializers.SerializerMethodField()
    sentence = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    class Meta:
        model = Message
        fields = [
            "id", "event", "at", "subject", "title", "sentence", "url", "facts", "read_at",
        ]  # fmt: skip

    def get_title(self, message: Message) -> str:
        return said(message.notice, get_current_timezone(), now=now()).title

    def get_sentence(self, message: Message) -> str:
        return said(message.notice, get_current_timezone(), now=now()).sentence

    def get_url(self, message: Message) -> str:
        url: str = self.context["request"].build_absolute_uri(message.notice.url)
        return url


class Messages(generics.ListAPIView[Message]):
    """One's own, newest first; `?unread=1` leaves out what was read."""

    serializer_class = MessageSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[Message]:
        unread_only = self.request.query_params.get("unread") == "1"
        return messages_of(self.request.user, unread_only=unread_only)


class ReadMessage(APIView):
    """POST marks it as read and answers it; a second time it keeps the first moment."""

    def post(self, request: Request, pk: int, **_: Any) -> Response:
        rows = messages_of(request.user)
        generics.get_object_or_404(rows, pk=pk)
        mark_read(request.user, pk=pk, at=now())
        found = MessageSerializer(rows.get(pk=pk), context={"request": request})
        return Response(found.data)
