"""How values of declared types are written as msgpack, and read back equal and of those types.

A UUID is its 16 bytes, a datetime its text in ISO 8601, a message a map of its fields, one of
several types its number and its value. Where no type is declared, values say themselves what they
are: what msgpack has no form for is an extension value.
"""
