; As Neovim's nvim-treesitter reads it.
[
  (event)
  (table)
  (defaults)
  (features)
  (rule)
  (test)
  (record)
  (array)
  (step)
] @indent.begin

["}" "]" ")"] @indent.branch
["}" "]" ")"] @indent.end
(comment) @indent.ignore
