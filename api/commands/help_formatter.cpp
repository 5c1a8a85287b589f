#include "api/commands/help_formatter.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>
#include <vector>

namespace tocsin::api {
namespace {
constexpr std::size_t kColumns = 100;
constexpr std::size_t kNameColumns = 30;

// Columns of UTF-8 text, one for each code point.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// `text` in lines of at most `columns`, broken at blanks.
std::vector<std::string> wrap(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    const bool breaks = end < text.size() && text[end] == '\n';
    if (!lines.back().empty() && width(lines.back()) + 1 + width(word) > columns)
      lines.emplace_back();
    if (!lines.back().empty() && !word.empty()) lines.back() += ' ';
    lines.back() += word;
    if (breaks) lines.emplace_back();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// One name and what it means, in two columns.
void append_entry(std::string& out, const std::string& name, const std::string& meaning) {
  std::string line = "  " + name;
  const std::vector<std::string> lines = wrap(meaning, kColumns - kNameColumns);
  if (width(line) + 2 > kNameColumns) {
    out += line + '\n';
    line.clear();
  }
  for (const std::string& text : lines) {
    line.append(kNameColumns - width(line), ' ');
    out += line + text + '\n';
    line.clear();
  }
}

bool is_repeatable(const CLI::Option* option) { return option->get_items_expected_max() > 1; }

std::string positional_name(const CLI::Option* option) {
  return option->get_single_name() + (is_repeatable(option) ? "…" : "");
}

// "-i, --input FILE", or a flag's two forms, "--[no-]final-watermark".
std::string option_name(const CLI::Option* option) {
  std::string name;
  for (const std::string& letter : option->get_snames()) {
    name += (name.empty() ? "-" : ", -") + letter;
  }
  const std::vector<std::string>& names = option->get_lnames();
  for (const std::string& word : names) {
    const std::string_view stem = std::string_view(word).substr(word.starts_with("no-") ? 3 : 0);
    const bool has_both = std::ranges::count(names, stem) == 1 &&
                          std::ranges::count(names, "no-" + std::string(stem)) == 1;
    if (has_both && stem != word) continue;
    name += (name.empty() ? "--" : ", --") + (has_both ? "[no-]" + word : word);
  }
  const bool is_flag = option->get_items_expected_max() == 0;
  if (!is_flag) name += ' ' + option->get_type_name();
  return name;
}

void append_options(std::string& out, const CLI::App* app) {
  for (const std::string& group : app->get_groups()) {
    const auto in_group = [&](const CLI::Option* option) {
      return option->get_group() == group && !group.empty() && !option->get_positional();
    };
    const std::vector<const CLI::Option*> options = app->get_options(in_group);
    if (options.empty()) continue;
    out += '\n' + group + ":\n";
    for (const CLI::Option* option : options) {
      std::string meaning = option->get_description();
      if (is_repeatable(option)) meaning += "; may be given again";
      append_entry(out, option_name(option), meaning);
    }
  }
}

// Prose is wrapped again; indented lines (tables, examples) stay as they are.
void append_footer(std::string& out, std::string_view footer) {
  std::string prose;
  const auto end_prose = [&] {
    if (prose.empty()) return;
    for (const std::string& line : wrap(prose, kColumns)) out += line + '\n';
    prose.clear();
  };
  if (!footer.empty()) out += '\n';
  while (!footer.empty()) {
    const std::size_t end = std::min(footer.find('\n'), footer.size());
    const std::string_view line = footer.substr(0, end);
    const bool is_prose = !line.empty() && line.front() != ' ';
    if (is_prose) {
      prose += (prose.empty() ? "" : " ") + std::string(line);
    } else {
      end_prose();
      out += std::string(line) + '\n';
    }
    footer.remove_prefix(std::min(end + 1, footer.size()));
  }
  end_prose();
}

std::string usage(const CLI::App* app, std::string name) {
  for (const CLI::App* parent = app->get_parent(); parent != nullptr;
       parent = parent->get_parent()) {
    if (!name.starts_with(parent->get_name() + ' ')) name = parent->get_name() + ' ' + name;
  }
  std::string text = "Usage: " + name;
  for (const CLI::Option* option : app->get_options()) {
    if (!option->get_required() || option->get_positional()) continue;
    text += fmt::format(" --{} {}{}", option->get_lnames().front(), option->get_type_name(),
                        is_repeatable(option) ? "…" : "");
  }
  text += " [OPTION]…";
  for (const CLI::Option* option : app->get_options()) {
    if (!option->get_positional()) continue;
    const std::string shown = positional_name(option);
    text += option->get_required() ? ' ' + shown : " [" + shown + ']';
  }
  if (!app->get_subcommands({}).empty()) text += " COMMAND";
  return text + '\n';
}
}  // namespace

std::string HelpFormatter::make_help(const CLI::App* app, std::string name,
                                     CLI::AppFormatMode /*mode*/) const {
  std::string out;
  for (const std::string& line : wrap(app->get_description(), kColumns)) out += line + '\n';
  out += '\n' + usage(app, name.empty() ? app->get_name() : name);

  const auto is_positional = [](const CLI::Option* option) { return option->get_positional(); };
  const std::vector<const CLI::Option*> positionals = app->get_options(is_positional);
  if (!positionals.empty()) out += '\n';
  for (const CLI::Option* option : positionals) {
    append_entry(out, positional_name(option), option->get_description());
  }
  const std::vector<const CLI::App*> commands = app->get_subcommands({});
  if (!commands.empty()) out += "\nCommands:\n";
  for (const CLI::App* command : commands) {
    append_entry(out, command->get_name(), command->get_description());
  }
  append_options(out, app);
  append_footer(out, app->get_footer());
  return out;
}
}  // namespace tocsin::api
