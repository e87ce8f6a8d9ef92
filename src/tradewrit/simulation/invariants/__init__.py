"""What must hold in every world: I-1 to I-16, one function each, named after its invariant.

Each returns None, or what is wrong, naming order, trade and numbers.
"""
