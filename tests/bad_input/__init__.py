"""The catalogue of bad input: what every public function of `lnl_core` is given that it cannot use.

`surface.py` lists the public functions. Each of them is in one of three places, which
`tests/test_bad_input.py` holds against that list:

* it has a contract, `@takes(...)`: `values.py` makes from its patterns what fits and what does not;
* it checks by itself: `borders.py` and `books.py` have calls that it must refuse;
* it is no border: `inside.py` says who calls it, and where what reaches it was checked.
"""
