-- Starts `tocsin lsp` for the rule files of a workspace, or joins the one that runs.
--
-- vim.g.tocsin_command: how the program is called, such as { "/opt/tocsin/bin/tocsin" };
-- by default "tocsin" of the PATH.
-- vim.g.tocsin_format_on_save: true or 1: a file is laid out as `tocsin fmt` does before it is
-- written, unless it has mistakes.
vim.bo.commentstring = "# %s"
vim.bo.expandtab = true
vim.bo.shiftwidth = 2

local command = vim.g.tocsin_command or { "tocsin" }
if type(command) == "string" then command = { command } end
if vim.fn.executable(command[1]) == 0 then return end
command = vim.list_extend(vim.deepcopy(command), { "lsp" })

-- The repository that has the file, else its folder.
local function root_of(path)
  local folder = vim.fn.fnamemodify(path, ":p:h")
  local repository = vim.fn.finddir(".git", folder .. ";")
  if repository ~= "" then return vim.fn.fnamemodify(repository, ":p:h:h") end
  return folder
end

local buffer = vim.api.nvim_get_current_buf()
local root = root_of(vim.api.nvim_buf_get_name(buffer))
local settings = { name = "tocsin", cmd = command, root_dir = root, workspace_folders = {
  { uri = vim.uri_from_fname(root), name = root },
} }

local function lay_out()
  local wanted = vim.g.tocsin_format_on_save
  if not wanted or wanted == 0 then return end
  local parameters = vim.lsp.util.make_formatting_params()
  local answers = vim.lsp.buf_request_sync(buffer, "textDocument/formatting", parameters, 2000)
  for id, answer in pairs(answers or {}) do
    local client = vim.lsp.get_client_by_id(id)
    if client and client.name == "tocsin" and answer.result then
      vim.lsp.util.apply_text_edits(answer.result, buffer, client.offset_encoding)
    end
  end
end
local group = vim.api.nvim_create_augroup("tocsin_format_" .. buffer, { clear = true })
vim.api.nvim_create_autocmd("BufWritePre", { group = group, buffer = buffer, callback = lay_out })

if vim.lsp.start then -- Neovim 0.8
  vim.lsp.start(settings)
  return
end
local started = vim.g.tocsin_clients or {}
if not started[root] or not vim.lsp.get_client_by_id(started[root]) then
  started[root] = vim.lsp.start_client(settings)
  vim.g.tocsin_clients = started
end
vim.lsp.buf_attach_client(buffer, started[root])
