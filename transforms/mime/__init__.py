"""Mail as bytes: headers, parts and text, read leniently and fast.

The standard library's parser is right more often than mails are, and ten times slower; tests hold
this one against it.
"""
