"""Migration files by their bodies."""


def script(up: str, down: str = "") -> bytes:
    """Return a Sequelize file whose bodies see `run(sql)` and `together(async t => …)`; no `down` at all when it is empty."""
    tools = (
        "const run = (sql, options) => q.sequelize.query(sql, options);"
        " const together = (work) => q.sequelize.transaction(work);"
    )
    back = f"async down(q) {{ {tools} {down} }}," if down else ""
    return f"module.exports = {{ async up(q) {{ {tools} {up} }}, {back} }};\n".encode()


def sql(text: str) -> str:
    return f"await run({text!r});"
