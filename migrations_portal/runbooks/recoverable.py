"""Whether the target could be put back by its backup with the owners that it has now: asked before a run, not when it is too late.

The drill restores into a database of ours and keeps no owners, so it cannot show this.
"""

from typing import Any

from migrations_portal.targets.ports import TargetSession

ROLE = """
SELECT current_user AS name, rolsuper OR rolcreatedb AS creates,
       pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE') AS owns
  FROM pg_roles WHERE rolname = current_user
"""
FOREIGN = """
WITH owned (class, id, owner) AS (
  SELECT 'pg_class'::regclass, oid, relowner FROM pg_class
   WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND relpersistence <> 't'
  UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc
  UNION ALL SELECT 'pg_namespace'::regclass, oid, nspowner FROM pg_namespace WHERE nspname !~ '^pg_'
  UNION ALL SELECT 'pg_type'::regclass, oid, typowner FROM pg_type WHERE typrelid = 0 AND typelem = 0
  UNION ALL SELECT 'pg_publication'::regclass, oid, pubowner FROM pg_publication
  UNION ALL SELECT 'pg_foreign_server'::regclass, oid, srvowner FROM pg_foreign_server
  UNION ALL SELECT 'pg_event_trigger'::regclass, oid, evtowner FROM pg_event_trigger
)
SELECT pg_get_userbyid(owner) AS owner, count(*) AS objects, min(pg_describe_object(class, id, 0)) AS one
  FROM owned
 WHERE id >= 16384 AND NOT pg_has_role(owner, %s)
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = class AND d.objid = id AND d.deptype = 'e')
 GROUP BY 1 ORDER BY 1
"""
"""What a dump gives to a role that ours may not act for, by that role. What an extension made comes back with the extension."""
SET_IS_A_RIGHT = 160000
"""Since PostgreSQL 16 a member of a role may be kept from acting for it."""


def obstacles(session: TargetSession) -> list[str]:
    """Return what would keep the session's role from restoring this database beside itself and renaming the two; a sentence each."""
    role = session.rows(ROLE)[0]
    name = role["name"]
    said = []
    if not role["creates"]:
        said.append(f"{name} may not create a database: ALTER ROLE {name} CREATEDB.")
    if not role["owns"]:
        said.append(f"{name} does not own the database, so it cannot rename it: make it the owner.")
    version = session.rows("SELECT current_setting('server_version_num')::int AS number")[0]
    right = "SET" if version["number"] >= SET_IS_A_RIGHT else "MEMBER"
    said += [_foreign(row, name=name) for row in session.rows(FOREIGN, [right])]
    return said


def _foreign(row: dict[str, Any], *, name: str) -> str:
    count, owner = row["objects"], row["owner"]
    what = (
        f"{row['one']} belongs" if count == 1 else f"{count} objects, such as {row['one']}, belong"
    )
    return f"{what} to {owner}, for whom {name} may not act: GRANT {owner} TO {name}, or give it to another owner."
