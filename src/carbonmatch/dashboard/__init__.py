"""`carbonmatch dashboard`: a venue on one live page in the browser, served by a process of its own.

To the engine it is an ordinary client: it subscribes to the feed, asks for `/metrics`, and logs on as an
operator when somebody halts or resumes. Whatever a browser does, the engine does not notice.
"""
