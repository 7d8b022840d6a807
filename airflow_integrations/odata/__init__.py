"""The grammar of OData, versions 2 and 4: literals by type, filters with bound values, keys, and version 2's JSON."""
