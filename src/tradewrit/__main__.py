"""`python -m tradewrit`: the same as the command `tradewrit`."""

from tradewrit.app import main

main()
