"""PostgreSQL: models, two pools of slots, the unit of work, and errors read by their SQLSTATE."""
