"""Nouns: who there is, what Azure has, who holds what, who asked, what is being applied."""

from quotas.models.budgets import TeamBudget
from quotas.models.burst_reports import BurstReport
from quotas.models.catalogue import Membership, Service, Team, TeamCostCentre
from quotas.models.decisions import Decision, Evidence
from quotas.models.delegation import Delegation
from quotas.models.edge_checks import EdgeCheck
from quotas.models.facts import FactsChange
from quotas.models.findings import Finding
from quotas.models.freezes import Freeze
from quotas.models.gateway_product import GatewayProduct
from quotas.models.given_reasons import GivenReason
from quotas.models.inventory import (
    NEVER_THERE,
    AzureAccount,
    Deployment,
    Pool,
    PoolLimit,
    Scope,
    SyncRun,
)
from quotas.models.kill_switch import KillSwitch
from quotas.models.ledger import LedgerEntry
from quotas.models.onboarding import DeployableModel, Expectation
from quotas.models.plan import AccountLease, Change, Plan
from quotas.models.policy import PolicyVersion
from quotas.models.region_capacity import RegionCapacity
from quotas.models.register import ModelLife, ModelRule
from quotas.models.requests import CapacityRequest
from quotas.models.reserves import PoolReserve
from quotas.models.review_hours import ReviewHours
from quotas.models.sandboxes import Sandbox

__all__ = [
    "NEVER_THERE",
    "AccountLease",
    "AzureAccount",
    "BurstReport",
    "CapacityRequest",
    "Change",
    "Decision",
    "Delegation",
    "DeployableModel",
    "Deployment",
    "EdgeCheck",
    "Evidence",
    "Expectation",
    "FactsChange",
    "Finding",
    "Freeze",
    "GatewayProduct",
    "GivenReason",
    "KillSwitch",
    "LedgerEntry",
    "Membership",
    "ModelLife",
    "ModelRule",
    "Plan",
    "PolicyVersion",
    "Pool",
    "PoolLimit",
    "PoolReserve",
    "RegionCapacity",
    "ReviewHours",
    "Sandbox",
    "Scope",
    "Service",
    "SyncRun",
    "Team",
    "TeamBudget",
    "TeamCostCentre",
]
