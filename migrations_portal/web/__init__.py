"""Pages: translate the request, call one service or query, hand plain values to a template."""
