"""The pure rulebook of quotas: ledger, availability, policy, plans, states."""
