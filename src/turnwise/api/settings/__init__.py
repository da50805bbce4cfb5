"""`/v1/convai/settings`: the settings of the whole workspace."""
