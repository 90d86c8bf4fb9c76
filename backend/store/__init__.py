"""What outlives the process: one database, embedded SQLite or Postgres, behind one Protocol."""
