"""What browsers are given: the widget's script and the talk page. Clients of the public API."""
