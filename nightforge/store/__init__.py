"""The database: schema, repository, queries, blobs, leases."""
