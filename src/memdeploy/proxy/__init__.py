"""A server on loopback that lets any HTTP or MCP client use a service which wants an identity token.

Knows no cloud: it is given an address and a function that mints tokens.
"""
