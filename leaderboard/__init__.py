"""Leaderboard: rows and their Parquet store, summary tables, the static report."""

from ..contents import table_of_contents

__all__, __getattr__, __dir__ = table_of_contents(__name__, {
    "Audit": ".audited",
    "COLUMNS": ".rows",
    "ClassSums": ".class_sums",
    "Published": ".published",
    "Reproduction": ".reproduction",
    "Row": ".rows",
    "SCHEMA_VERSION": ".rows",
    "STATUSES": ".rows",
    "Store": ".store",
    "audit_summary": ".audit_table",
    "bibtex": ".site.export_bibtex",
    "boards": ".collect",
    "build_report": ".report",
    "compare": ".comparison",
    "csv_table": ".site.export_csv",
    "latex_table": ".site.export_latex",
    "leaderboard_table": ".table",
    "load": ".store",
    "published_numbers": ".published",
    "rankings": ".comparison",
    "reported_against_reproduced": ".reproduction_figure",
    "reproductions": ".reproduction",
    "summary": ".table",
    "write_audit_page": ".audit_page",
})
