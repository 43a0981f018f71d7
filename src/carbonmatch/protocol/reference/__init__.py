"""What proto/ says of the messages, made from the Structs and from what stands beside them.

    python -m carbonmatch.protocol.reference            the page proto/MESSAGES.md
    python -m carbonmatch.protocol.reference proto      all that is made, written where it belongs

Order, types, bounds and defaults come from the Structs; what a message means from its docstring; what a
field or a member means from the comment at it, or from the glossary where the same word means the same
everywhere. Nothing is listed here that can be found there. A test fails while the files and the code differ.
"""
