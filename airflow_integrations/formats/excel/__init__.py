"""Excel workbooks (.xlsx, ECMA-376): rows to records, and records to rows.

Read and written here, not by a library: python-calamine holds a whole sheet and makes a grid of it, which a file of two
cells far apart lets grow without bound; openpyxl makes floats of numbers and yields every empty row between two cells.
"""
