"""The ledger: an append-only, hash-chained record of who did what, when, where, why and with which result."""
