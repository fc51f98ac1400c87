"""Who does which run, where, and what becomes of it: Ray, leases, retries, limits."""
