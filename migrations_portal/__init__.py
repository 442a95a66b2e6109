"""White Cross Ops: plans, approvals, runs and the ledger of production database migrations."""
