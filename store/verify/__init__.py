"""Whether a store is what it was: the log, what it says of the work, the evidence, the derived tables, the file itself.

Tamper-evident, never tamper-proof: see `store.verify.running.BLIND_SPOT` for what it cannot see.
"""

from store.verify.running import Report, Result, verify

__all__ = ["Report", "Result", "verify"]
