"""The metadata of the whole store: every module that has tables is named here."""

from __future__ import annotations

from campaigns import delivery_tables, review_tables
from campaigns.tables import Base

MODULES = (review_tables, delivery_tables)
METADATA = Base.metadata
