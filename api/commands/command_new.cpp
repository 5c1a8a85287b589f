#include "api/commands/command_new.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "api/base/output_file.h"
#include "api/rules/sample_schema.h"
#include "api/rules/starter_pack.h"
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

ExitCode begin_pack(const std::string& where, const std::string& sample) {
  const fs::path folder = fs::path(where).lexically_normal();
  const std::string name = name_of(folder);
  if (const auto why = objection(name)) return end_with(ExitCode::kUsage, *why);
  std::error_code error;
  if (fs::exists(folder, error) &&
      !(fs::is_directory(folder, error) && fs::is_empty(folder, error)))
    return end_with(ExitCode::kUsage, fmt::format("this is not a new or empty folder: {}", where));
  SamplePack pack;
  if (sample.empty()) {
    pack.files = starter_pack(name);
  } else {
    Result<SamplePack> made = pack_of_sample(sample, name);
    if (!made) return end_with(ExitCode::kInputOutput, made.error().message);
    pack = std::move(*made);
  }
  fs::create_directories(folder, error);
  if (error) {
    return end_with(ExitCode::kInputOutput,
                    fmt::format("cannot make the folder {}: {}", where, error.message()));
  }
  std::string made;
  for (const StarterFile& file : pack.files) {
    const Result<void> written = write_file(folder / file.name, file.text);
    if (!written) return end_with(ExitCode::kInputOutput, written.error().message);
    made += fmt::format("  {}\n", (folder / file.name).string());
  }
  std::string seen;
  for (const std::string& note : pack.notes) seen += fmt::format("  {}\n", note);
  if (!seen.empty()) seen = "seen in the sample\n" + seen + "\n";
  return print(fmt::format(
      "made\n{0}\n{4}next\n  tocsin check {1}\n  tocsin test {1}\n  tocsin run {2} --input {3}\n",
      made, folder.string(), (folder / "rules.tocsin").string(),
      sample.empty() ? (folder / "events.ndjson").string() : sample, seen));
}
}  // namespace

void add_new_command(CLI::App& program, Chosen& chosen) {
  auto folder = std::make_shared<std::string>();
  auto sample = std::make_shared<std::string>();
  CLI::App* command = program.add_subcommand(
      "new", "Create a rule pack that works at once: a schema, rules with tests, sample events");
  command
      ->add_option("FOLDER", *folder,
                   "A new or empty folder; its name becomes the pack's: letters, digits, _ and -")
      ->type_name("FOLDER")
      ->required();
  command
      ->add_option("--sample", *sample,
                   "Write the schema of the events in this file: types, fields and the units of "
                   "times; - is standard input")
      ->type_name("FILE");
  command->footer(
      R"(The pack checks without a warning, its tests pass, and its sample events raise an alert. With --sample
the schema describes your own events, from the first 10,000 lines of the file. Nothing is ever
overwritten.

Examples:
  tocsin new cards
  tocsin new cards --sample yesterday.ndjson.gz
  tocsin new packs/cards && tocsin test packs/cards)");
  command->callback([&chosen, folder, sample] {
    chosen.run = [folder, sample] { return begin_pack(*folder, *sample); };
  });
}
}  // namespace tocsin::api
