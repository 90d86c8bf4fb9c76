"""The language: from a program's text to diagnostics and a typed tree.

Read in this order: `helpers`, `fields`, `maps`, `verdicts` (the vocabulary); `check` (the whole way); `text`, `tokens`,
`parse` (what Python's parser may see); `declarations` and its kinds; `functions`, `flow`, `function_check` (the walk
through one function); `statements`, `assignments`, `loops`, `returns`, `expressions`, `conditions`, `calls` (one part
of the walk each); `roles` and `advice` (what is allowed where, here and in the kernel). `tree` is what comes out.
"""
