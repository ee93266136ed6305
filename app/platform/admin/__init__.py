"""The engine of the admin site: adminsite's pages over our read-only slots, and each change by a service's verb."""
