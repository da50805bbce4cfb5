"""Integrations: services whose tools are described here, so that agents need but a connection.

One file is one service; `catalogue` knows them all.
"""
