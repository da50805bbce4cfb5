"""What agents know: text from files and pages, its chunks, and how the right ones are found."""
