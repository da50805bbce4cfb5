"""The hosted service's account pages, as far as an own server has something to say there."""
