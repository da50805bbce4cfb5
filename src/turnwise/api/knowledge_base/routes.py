"""`/v1/convai/knowledge-base`: all its operations."""

from turnwise.api.knowledge_base.changing import changing
from turnwise.api.knowledge_base.creating import creating
from turnwise.api.knowledge_base.finding import finding
from turnwise.api.knowledge_base.searching import searching
from turnwise.api.knowledge_base.source_files import source_files
from turnwise.api.serving import Slice

knowledge_base = Slice(
    [*creating.routes, *changing.routes, *finding.routes, *searching.routes, *source_files.routes]
)
