"""Every address of quotas: pages, actions (each a POST of its own) and the API."""

from django.urls import path

from quotas import api, api_pools
from quotas.views import burst, changes, inbox, pools, requests, reserves, services, unmapped

urlpatterns = [
    path("requests/", requests.mine, name="requests"),
    path("requests/new/", requests.choose, name="request_new"),
    path("requests/inbox/", inbox.show, name="inbox"),
    path("requests/<int:pk>/", requests.detail, name="request"),
    path("requests/<int:pk>/approve/", inbox.approve, name="request_approve"),
    path("requests/<int:pk>/deny/", inbox.deny, name="request_deny"),
    path("requests/<int:pk>/withdraw/", requests.withdraw, name="request_withdraw"),
    path("requests/<int:pk>/give-back/", requests.give_back, name="request_give_back"),
    path("services/", services.index, name="services"),
    path("services/<slug:slug>/burst/", burst.request_burst, name="request_burst"),
    path("services/<slug:slug>/burst/verdict/", burst.burst_verdict, name="burst_verdict"),
    path("unmapped/", unmapped.index, name="unmapped"),
    path("unmapped/<int:pk>/map/", unmapped.assign, name="map_deployment"),
    path("pools/", pools.index, name="pools"),
    path("pools/<int:pk>/mode/", pools.mode, name="pool_mode"),
    path("pools/<int:pk>/reserve/", reserves.reserve, name="pool_reserve"),
    path("pools/<int:pk>/reserve/check/", reserves.reserve_check, name="pool_reserve_check"),
    path("changes/", changes.index, name="changes"),
    path("changes/<int:pk>/adopt/", changes.adopt, name="change_adopt"),
    path("changes/<int:pk>/write-back/", changes.write_back, name="change_write_back"),
    path("plans/<int:pk>/allow/", changes.allow_plan, name="plan_allow"),
    path("api/v1/burst-requests/", api.BurstRequests.as_view(), name="api_burst_requests"),
    path("api/v1/burst-requests/<int:pk>/", api.BurstRequest.as_view(), name="api_burst_request"),
    path("api/v1/pools/", api_pools.Pools.as_view(), name="api_pools"),
    path("api/v1/pools/<int:pk>/", api_pools.OnePool.as_view(), name="api_pool"),
    path("api/v1/pools/<int:pk>/limits/", api_pools.Limits.as_view(), name="api_pool_limits"),
    path("api/v1/pools/<int:pk>/reserve/", api_pools.Reserve.as_view(), name="api_pool_reserve"),
]
