"""Words that every other room uses: units, errors and the clock. Knows nothing else of ours."""
