"""The schema from PostgreSQL's catalogs, as lines to compare with literals, and all rows."""

import asyncpg

COLUMNS = """
SELECT format('%s.%s %s%s', relname, attname, format_type(atttypid, atttypmod),
              CASE WHEN attnotnull THEN ' not null' END)
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
"""
REQUIRED = """
SELECT format('%s.%s', relname, attname)
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0
    AND attnotnull AND NOT atthasdef
"""
CONSTRAINTS = """
SELECT format('%s %s %s', relname, conname, pg_get_constraintdef(pg_constraint.oid))
FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
"""
INDEXES = """
SELECT format('%s%s', pg_get_indexdef(indexrelid), CASE WHEN NOT indisvalid THEN ' INVALID' END)
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE relnamespace = 'public'::regnamespace
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"

Rows = list[tuple[object, ...]]


async def schema(connection: asyncpg.Connection) -> set[str]:
    """Return every column, constraint and index of the database, each as a line."""
    return {
        row[0] for query in (COLUMNS, CONSTRAINTS, INDEXES) for row in await connection.fetch(query)
    }


async def required_columns(connection: asyncpg.Connection) -> set[str]:
    """Return every column that an INSERT must give a value, as table.column."""
    return {row[0] for row in await connection.fetch(REQUIRED)}


async def columns(connection: asyncpg.Connection) -> dict[str, list[str]]:
    """Return the columns of each table."""
    names = [row[0] for row in await connection.fetch(TABLES)]
    return {
        name: [
            attribute.name
            for attribute in (await connection.prepare(f'SELECT * FROM "{name}"')).get_attributes()
        ]
        for name in names
    }


async def rows(connection: asyncpg.Connection, wanted: dict[str, list[str]]) -> dict[str, Rows]:
    """Return all rows of the tables in `wanted`: position, transaction, and the given columns.

    PostgreSQL never changes a row in place, so the result differs if a row was rewritten.
    """
    found = {}
    for table, names in wanted.items():
        listed = ", ".join(f'"{name}"' for name in names)
        query = f'SELECT ctid, xmin::text, {listed} FROM "{table}" ORDER BY ctid'
        found[table] = [tuple(row) for row in await connection.fetch(query)]
    return found


async def everything(connection: asyncpg.Connection) -> tuple[set[str], dict[str, Rows]]:
    """Return the schema and all rows of the database."""
    return await schema(connection), await rows(connection, await columns(connection))
