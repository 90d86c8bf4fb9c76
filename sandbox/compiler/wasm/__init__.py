"""The wasm back end: the core's own source and checked programs become WebAssembly modules on one memory."""
