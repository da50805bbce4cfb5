"""Words of a recording on request, outside conversations."""
