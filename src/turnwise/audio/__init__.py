"""Sound as numbers: formats, frames, resampling, the speech gate, pacing and alignment. No I/O."""
