"""Every check of `verify`, in the order in which they run: cheap and fundamental ones first."""

from store.verify.against_checkpoint import check_checkpoint
from store.verify.chain import check_chain
from store.verify.checks import Check
from store.verify.database import check_integrity, check_mode, check_references
from store.verify.derived import check_derived
from store.verify.evidence import check_evidence
from store.verify.files import check_files
from store.verify.replay_disclosures import check_claims, check_disclosures
from store.verify.replay_intake import check_imports, check_incident, check_rulebooks, check_settled
from store.verify.replay_scenarios import check_scenarios
from store.verify.replay_work import (
    check_cases,
    check_citations,
    check_closures,
    check_populations,
    check_samples,
    check_steps,
)
from store.verify.schema import check_schema

LOG_ALONE = Check("action log", check_chain)

CHECKS: tuple[Check, ...] = (
    Check("file", check_mode, reads_rows=False),
    Check("database", check_integrity, reads_rows=False, scans=True),
    Check("schema", check_schema, reads_rows=False),
    Check("references", check_references),
    LOG_ALONE,
    Check("checkpoint", check_checkpoint),
    Check("incident", check_incident),
    Check("cases", check_cases),
    Check("closures", check_closures),
    Check("steps", check_steps),
    Check("citations", check_citations),
    Check("samples", check_samples),
    Check("disclosures", check_disclosures),
    Check("claims", check_claims),
    Check("scenarios", check_scenarios),
    Check("imports", check_imports),
    Check("populations", check_populations),
    Check("quarantine", check_settled),
    Check("rulebooks", check_rulebooks),
    Check("evidence files", check_files, scans=True),
    Check("evidence", check_evidence, scans=True),
    Check("derived tables", check_derived, scans=True),
)
