"""Migration plans: what an engineer submits, its files, its documentation, its checklist and its revisions."""
