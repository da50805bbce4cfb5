"""Moving in from a hosted workspace: everything that its REST API shows, with the ids it has there.

`source.py` reads the published REST API with a key. `target.py` stores by calling this server's own
API in process, so that what comes in is judged, completed and noted as if a client had sent it.
What is there already is left as it is: a move that was cut off is begun again.
"""
