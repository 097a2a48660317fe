"""What `tools/notebooks.py` does, one job a file.

A notebook has two files. `notebooks/py/NAME.py`, its twin, is the source that people edit and
review; `notebooks/NAME.ipynb` is made from it, executed and with outputs, by `make refresh` alone.
"""
