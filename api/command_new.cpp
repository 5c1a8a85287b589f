#include "api/command_new.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "api/output_file.h"
#include "api/starter_pack.h"
#include "cep/base/result.h"

namespace tocsin::api {
namespace {
namespace fs = std::filesystem;

// The pack's name: its folder's.
std::string name_of(const fs::path& folder) {
  std::error_code ignored;
  const fs::path whole = fs::absolute(folder, ignored).lexically_normal();
  const fs::path last = whole.filename();
  return (last.empty() ? whole.parent_path().filename() : last).string();
}

// Why it may not be a pack's name; nothing where it may.
std::optional<std::string> objection(const std::string& name) {
  constexpr std::size_t kNameMax = 64;
  const auto letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const bool plain =
      std::ranges::all_of(name, [&](char c) { return letter_or_digit(c) || c == '_' || c == '-'; });
  if (!name.empty() && letter_or_digit(name.front()) && plain && name.size() <= kNameMax)
    return std::nullopt;
  return fmt::format(
      "a pack's name has letters, digits, _ and -, begins with a letter or digit, and has at most "
      "{} of them: {}",
      kNameMax, name);
}

Result<void> write_file(const fs::path& path, std::string text) {
  Result<OutputFile> file = OutputFile::open(path.string());
  if (!file) return tl::unexpected(file.error());
  if (text.ends_with('\n')) text.pop_back();  // write_line adds the last line end
  Result<void> written = file->write_line(text);
  return written ? file->close() : written;
}

ExitCode begin_pack(const std::string& where) {
  const fs::path folder = fs::path(where).lexically_normal();
  const std::string name = name_of(folder);
  if (const auto why = objection(name)) return end_with(ExitCode::kUsage, *why);
  std::error_code error;
  if (fs::exists(folder, error) &&
      !(fs::is_directory(folder, error) && fs::is_empty(folder, error)))
    return end_with(ExitCode::kUsage, fmt::format("there is something already: {}", where));
  fs::create_directories(folder, error);
  if (error) {
    return end_with(ExitCode::kInputOutput,
                    fmt::format("cannot make the folder {}: {}", where, error.message()));
  }
  std::string made;
  for (const StarterFile& file : starter_pack(name)) {
    const Result<void> written = write_file(folder / file.name, file.text);
    if (!written) return end_with(ExitCode::kInputOutput, written.error().message);
    made += fmt::format("  {}\n", (folder / file.name).string());
  }
  fmt::print(
      "made\n{0}\nnext\n  tocsin check {1}\n  tocsin test {1}\n  tocsin run {2} --input {3}\n",
      made, folder.string(), (folder / "rules.tocsin").string(),
      (folder / "events.ndjson").string());
  return std::fflush(stdout) == 0
             ? ExitCode::kSuccess
             : end_with(ExitCode::kInputOutput, "cannot write standard output");
}
}  // namespace

void add_new_command(CLI::App& program, Chosen& chosen) {
  auto folder = std::make_shared<std::string>();
  CLI::App* command =
      program.add_subcommand("new", "Begin a rule pack: a schema, rules with tests, sample events");
  command
      ->add_option(
          "FOLDER", *folder,
          "A new folder, or an empty one; its name is the pack's: letters, digits, _ and -")
      ->type_name("FOLDER")
      ->required();
  command->footer(
      R"(The pack checks, its tests pass, and its sample events raise an alert. Nothing is ever overwritten.

Examples:
  tocsin new cards
  tocsin new packs/cards && tocsin test packs/cards)");
  command->callback([&chosen, folder] { chosen.run = [folder] { return begin_pack(*folder); }; });
}
}  // namespace tocsin::api
