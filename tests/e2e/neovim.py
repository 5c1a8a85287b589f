"""Neovim, headless, with editors/neovim: one real client of `tocsin lsp`."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

from harness import BINARY, ROOT, case, run_cases
from rule_texts import server_tokens, texts

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


def neovim(script, *commands):
    """Opens r.tocsin with the plugin and these commands of Ex, and runs the script."""
    before = [part for command in ("filetype plugin on", f"lua vim.g.tocsin_command = {{ '{BINARY}' }}", *commands) for part in ("--cmd", command)]
    command = ["nvim", "--headless", "-u", "NONE", "-n", "--cmd", f"set runtimepath^={PLUGIN}", *before, "r.tocsin", "-c", f"luafile {script}"]
    environment = {**os.environ, "XDG_STATE_HOME": os.getcwd(), "XDG_CACHE_HOME": os.getcwd(), "TOCSIN_TEXT_CACHE": "off"}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as run:
        try:
            said, _ = run.communicate(timeout=60)
        except subprocess.TimeoutExpired:  # an error in the script leaves it open
            run.kill()
            raise AssertionError(run.communicate()[0]) from None
    return said


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
    said = neovim("script.lua")
    assert os.path.exists("answers.json"), said
    out = json.loads(pathlib.Path("answers.json").read_text(encoding="utf-8"))
    assert out["filetype"] == "tocsin" and out["attached"] and out["diagnosed"], (out, said)
    assert any("E0201" in str(code) or "amout" in str(code) for code in out["before"]), out["before"]
    assert "event" in out["hover"]["contents"]["value"]
    assert out["cured"] and "E0201" not in out["after"], out["after"]
    assert out["lines"][0].endswith("value: int }") and out["lines"][1].count("value") == 2, out["lines"]


# Writes the file once the server is there, spoils it and writes it again, and then without the wish.
SAVES = """
local function saved()
  vim.cmd("write")
  return table.concat(vim.fn.readfile("r.tocsin"), "\\n")
end
local out = {}
out.attached = vim.wait(20000, function() return next(vim.lsp.buf_get_clients(0)) ~= nil end, 50)
local untidy = vim.api.nvim_buf_get_lines(0, 0, -1, false)
out.tidy = saved()
vim.api.nvim_buf_set_lines(0, 0, -1, false, { untidy[1], untidy[2] .. " wrong" })
out.mistaken = saved()
vim.g.tocsin_format_on_save = 0
vim.api.nvim_buf_set_lines(0, 0, -1, false, untidy)
out.unasked = saved()
vim.fn.writefile({ vim.fn.json_encode(out) }, "saves.json")
vim.cmd("qall!")
"""


@case
def _():
    """a file is laid out before it is written where that is wished, and left alone where it has mistakes"""
    untidy = ('event payment { ts: time, id: string id, card: string, amount: int }\n'
              'rule r "R" {by card when payment where amount>5 alert "{amount}"}')
    pathlib.Path("r.tocsin").write_text(untidy + "\n", encoding="utf-8")
    shutil.copy("r.tocsin", "other.tocsin")
    subprocess.run([BINARY, "fmt", "other.tocsin"], check=True, stdout=subprocess.DEVNULL)
    tidy = pathlib.Path("other.tocsin").read_text(encoding="utf-8").removesuffix("\n")
    os.remove("other.tocsin")
    pathlib.Path("saves.lua").write_text(SAVES, encoding="utf-8")
    said = neovim("saves.lua", "let g:tocsin_format_on_save = 1")
    assert os.path.exists("saves.json"), said
    out = json.loads(pathlib.Path("saves.json").read_text(encoding="utf-8"))
    assert out["attached"] and tidy != untidy, (out, said)
    assert out["tidy"] == tidy, out["tidy"]
    assert out["mistaken"] == untidy + " wrong", out["mistaken"]
    assert out["unasked"] == untidy, out["unasked"]


# The group of each place in a list of line and column, and a newline.
COLOURS = """
vim.cmd("syntax on")
local groups = {}
for _, place in ipairs(vim.fn.json_decode(table.concat(vim.fn.readfile("places.json")))) do
  table.insert(groups, vim.fn.synIDattr(vim.fn.synID(place[1], place[2], 1), "name"))
end
vim.fn.writefile({ vim.fn.json_encode(groups) }, "groups.json")
vim.cmd("qall!")
"""
GROUPS = {"comment": {"tocsinComment"}, "string": {"tocsinText"}, "number": {"tocsinNumber", "tocsinDuration", "tocsinTime"},
          "keyword": {"tocsinKeyword", "tocsinDeclaration", "tocsinType", "tocsinWord"}}


@case
def _():
    """the colours of the plugin: comments, strings, numbers and words of every sample"""
    sources = {name: text for name, text in texts().items() if name.startswith("samples/")}
    count = 0
    for name, tokens in server_tokens(sources).items():
        tokens = [token for token in tokens if token.of in GROUPS and token.text[0] != "`" and (token.of != "string" or token.text[0] == '"')]
        lines = sources[name].split("\n")
        places = [(token.line + 1, len(lines[token.line].encode("utf-16-le")[:2 * token.character].decode("utf-16-le").encode()) + 1)
                  for token in tokens]
        pathlib.Path("places.json").write_text(json.dumps(places), encoding="utf-8")
        pathlib.Path("r.tocsin").write_text(sources[name], encoding="utf-8")
        pathlib.Path("colours.lua").write_text(COLOURS, encoding="utf-8")
        neovim("colours.lua")
        groups = json.loads(pathlib.Path("groups.json").read_text(encoding="utf-8"))
        wrong = [(token.line + 1, token.text, token.of, group) for token, group in zip(tokens, groups) if group not in GROUPS[token.of]]
        assert not wrong, (name, wrong[:10])
        count += len(tokens)
    assert count > 3000, count


if shutil.which("nvim") is None:
    print("skipped: nvim is not installed\n0 passed, 0 failed")
    sys.exit(0)
run_cases()
