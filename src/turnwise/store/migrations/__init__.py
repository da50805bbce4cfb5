"""How the schema came to be, step by step: Alembic's scripts, run when a store is opened."""
