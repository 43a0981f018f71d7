"""Mutation testing of the matching core: it is changed in one place at a time, and a test has to notice.

mutmut says which changes there are (`changes`). They are tried by `trials`, in processes forked after all
tests are imported, and without the dispatch that mutmut puts into every function: with only the tests that
run the changed lines (`tests_of_core`), quick ones first, up to the first that fails.
"""
