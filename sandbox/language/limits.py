"""Every limit of the checker, so that any text ends in diagnostics within bounded time and memory."""

SOURCE_BYTES_MAX = 64 * 1024
TOKENS_MAX = 20_000
LINE_TOKENS_MAX = 1_000  # tokens of one statement: bounds the parser's recursion
BRACKET_DEPTH_MAX = 20
INDENT_DEPTH_MAX = 20
ELIF_MAX = 200
STRING_BYTES_MAX = 1024
DOCSTRING_BYTES_MAX = 16 * 1024
NODES_MAX = 10_000
DEPTH_MAX = 40
LOOP_DEPTH_MAX = 8
WORK_MAX = 100_000  # nodes visited and locals compared, repeated passes over loops included
DIAGNOSTICS_MAX = 100

PARAMS_MAX = 64
PARAM_ITEMS_MAX = 64
GLOBALS_MAX = 256
MAPS_MAX = 64
FIELDS_MAX = 64
RECORDS_MAX = 64
ARRAY_LENGTH_MAX = 1_024
RECORD_WORDS_MAX = 4_096
TABLE_WORDS_MAX = 2**22  # words of all hash and array maps together
FUNCTIONS_MAX = 256
LOCALS_MAX = 256
ARGUMENTS_MAX = 16
REASONS_MAX = 32
FORMATS_MAX = 64
TRACE_ARGS_MAX = 12
REASON_BYTES_MAX = 64
CHILDREN_MAX = 1_024  # classes made by Children
