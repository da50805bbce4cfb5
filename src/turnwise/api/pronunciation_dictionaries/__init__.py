"""How words are pronounced: dictionaries and their versions."""
