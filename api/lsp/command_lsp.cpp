#include "api/lsp/command_lsp.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "api/lsp/lsp_server.h"

namespace tocsin::api {
void add_lsp_command(CLI::App& program, Chosen& chosen) {
  CLI::App* command =
      program.add_subcommand("lsp", "Serve an editor: diagnostics, completion, rename, tests");
  auto stdio = std::make_shared<bool>(false);
  command->add_flag("--stdio", *stdio, "Speak over standard input and output, as it always does");
  command->footer(
      R"(An editor starts this command and speaks the Language Server Protocol with it over standard input and
output. Standard error is its log. All rule files of a folder are one set, as `tocsin check` takes it;
what the editor has open stands in the place of the files.

Exit code 0 after the editor has asked for the end, otherwise 1.

Examples:
  tocsin lsp

In Neovim 0.8 or newer:
  vim.lsp.start({ name = "tocsin", cmd = { "tocsin", "lsp" }, root_dir = vim.fn.getcwd() }))");
  command->callback([&chosen, stdio] {
    chosen.run = [] {
      MessageStream stream(STDIN_FILENO, STDOUT_FILENO);
      return LspServer(stream).run();
    };
  });
}
}  // namespace tocsin::api
