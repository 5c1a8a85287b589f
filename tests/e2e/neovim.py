"""Neovim, headless, with editors/neovim: one real client of `tocsin lsp`."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

from harness import BINARY, ROOT, case, run_cases

PLUGIN = ROOT / "editors/neovim"
# Opens a file, waits for the server's diagnostics, asks it, changes the text, and asks again.
SCRIPT = """
local function write(value)
  local file = io.open("answers.json", "w")
  file:write(vim.fn.json_encode(value))
  file:close()
end
local function ask(method, parameters)
  for _, answer in pairs(vim.lsp.buf_request_sync(0, method, parameters, 20000) or {}) do
    if answer.result then return answer.result end
  end
  return vim.NIL
end
local function at(line, character)
  vim.api.nvim_win_set_cursor(0, { line, character })
  return vim.lsp.util.make_position_params(0, "utf-16")
end
local function diagnostics()
  local codes = {}
  for _, each in ipairs(vim.diagnostic.get(0)) do table.insert(codes, each.code or each.message) end
  return codes
end
local out = {}
out.filetype = vim.bo.filetype
out.attached = vim.wait(20000, function() return #vim.lsp.buf_get_clients(0) > 0 or next(vim.lsp.buf_get_clients(0)) ~= nil end, 50)
out.diagnosed = vim.wait(20000, function() return #vim.diagnostic.get(0) > 0 end, 50)
out.before = diagnostics()
out.hover = ask("textDocument/hover", at(2, 29))
vim.api.nvim_buf_set_text(0, 1, 32, 1, 37, { "amount" })
out.cured = vim.wait(20000, function() return #vim.diagnostic.get(0, { severity = vim.diagnostic.severity.ERROR }) == 0 end, 50)
out.after = diagnostics()
local rename = at(2, 34)
rename.newName = "value"
out.rename = ask("textDocument/rename", rename)
vim.lsp.util.apply_workspace_edit(out.rename, "utf-16")
out.lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
write(out)
vim.cmd("qall!")
"""


@case
def _():
    """the plugin knows the file type, starts the server, shows its diagnostics, and renames through it"""
    pathlib.Path("r.tocsin").write_text(
        "event payment { ts: time, id: string id, card: string, amount: int }\n"
        'rule r "R" { by card when payment where amout > 5 alert "{amount}" }\n',
        encoding="utf-8")
    line = pathlib.Path("r.tocsin").read_text(encoding="utf-8").split("\n")[1]
    script = SCRIPT.replace("at(2, 29)", f"at(2, {line.index('payment')})").replace("at(2, 34)", f"at(2, {line.index('amout')})")
    script = script.replace("1, 32, 1, 37", f"1, {line.index('amout')}, 1, {line.index('amout') + 5}")
    pathlib.Path("script.lua").write_text(script, encoding="utf-8")
    command = ["nvim", "--headless", "-u", "NONE", "-n", "--cmd", f"set runtimepath^={PLUGIN}", "--cmd", "filetype plugin on",
               "--cmd", f"lua vim.g.tocsin_command = {{ '{BINARY}' }}", "r.tocsin", "-c", "luafile script.lua"]
    environment = {**os.environ, "XDG_STATE_HOME": os.getcwd(), "XDG_CACHE_HOME": os.getcwd(), "TOCSIN_TEXT_CACHE": "off"}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100,
                          env=environment, check=False)
    assert os.path.exists("answers.json"), done.stdout
    out = json.loads(pathlib.Path("answers.json").read_text(encoding="utf-8"))
    assert out["filetype"] == "tocsin" and out["attached"] and out["diagnosed"], (out, done.stdout)
    assert any("E0201" in str(code) or "amout" in str(code) for code in out["before"]), out["before"]
    assert "event" in out["hover"]["contents"]["value"]
    assert out["cured"] and "E0201" not in out["after"], out["after"]
    assert out["lines"][0].endswith("value: int }") and out["lines"][1].count("value") == 2, out["lines"]


@case
def _():
    """the colours know every word of the language"""
    colours = (PLUGIN / "syntax/tocsin.vim").read_text(encoding="utf-8")
    known = set(re.findall(r"\w+", " ".join(re.findall(r"^syntax keyword \w+ (.*)$", colours, re.MULTILINE))))
    words = set(re.findall(r'"([a-z]+)"', (ROOT / "rules/syntax/keywords.cpp").read_text(encoding="utf-8")))
    words |= set(re.findall(r'TOCSIN_AGGREGATE\(\w+, "(\w+)"', (ROOT / "cep/plan/aggregates.def").read_text(encoding="utf-8")))
    assert len(words) > 100 and words <= known, words - known


if shutil.which("nvim") is None:
    print("skipped: nvim is not installed\n0 passed, 0 failed")
    sys.exit(0)
run_cases()
