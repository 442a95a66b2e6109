"""Django's PostgreSQL backend with connections that end when the server is gone without a word (`adapters.silence`)."""
