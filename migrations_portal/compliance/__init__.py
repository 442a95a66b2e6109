"""What a compliance officer and an auditor need: evidence, exports, PHI duties, retention, and the watch over the ledger."""
