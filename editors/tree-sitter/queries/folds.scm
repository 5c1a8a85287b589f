[
  (event)
  (table)
  (list)
  (defaults)
  (features)
  (rule)
  (test)
  (record)
  (array)
  (step)
] @fold
