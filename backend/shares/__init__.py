"""Share links: what one holds, its identity, its picture, and the shell's part."""
