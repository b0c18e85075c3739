"""Every check of `verify`, in the order in which they run: cheap and fundamental ones first."""

from store.verify.against_checkpoint import check_checkpoint
from store.verify.chain import check_chain
from store.verify.checks import Check
from store.verify.database import check_integrity, check_mode, check_references
from store.verify.schema import check_schema

LOG_ALONE = Check("action log", check_chain)

CHECKS: tuple[Check, ...] = (
    Check("file", check_mode, reads_rows=False),
    Check("database", check_integrity, reads_rows=False),
    Check("schema", check_schema, reads_rows=False),
    Check("references", check_references),
    LOG_ALONE,
    Check("checkpoint", check_checkpoint),
)
