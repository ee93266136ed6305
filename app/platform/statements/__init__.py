"""The read lane: statements written with the models' columns, compiled once for asyncpg, rows built into structs."""
