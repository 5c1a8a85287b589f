#include "api/base/configuration.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "api/base/integer_text.h"
#include "cep/base/assert.h"
#include "rules/text/suggest.h"

namespace tocsin::api {
namespace {
constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> kUnits = {
    {{"GiB", std::int64_t{1} << 30},
     {"MiB", std::int64_t{1} << 20},
     {"KiB", std::int64_t{1} << 10},
     {"B", 1}}};

std::optional<std::int64_t> parse_bytes(std::string_view text) {
  std::int64_t unit = 1;
  for (const auto& [name, bytes] : kUnits) {
    if (!text.ends_with(name)) continue;
    text.remove_suffix(name.size());
    while (text.ends_with(' ')) text.remove_suffix(1);
    unit = bytes;
    break;
  }
  const auto number = parse_integer(text);
  if (!number || *number < 0 || *number > INT64_MAX / unit) return std::nullopt;
  return *number * unit;
}

std::optional<cep::Duration> parse_setting_duration(std::string_view text) {
  if (text == "0") return cep::Duration{};
  const auto duration = cep::parse_duration(text);
  return duration && duration->us >= 0 ? duration : std::nullopt;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!part.empty()) parts.emplace_back(part);
  }
  return parts;
}

// What a setting takes, in words.
std::string wanted(const Setting& setting) {
  const auto range = [&](const char* what) {
    if (setting.most == INT64_MAX) return fmt::format("{} of at least {}", what, setting.least);
    return fmt::format("{} from {} to {}", what, setting.least, setting.most);
  };
  switch (setting.type) {
    case SettingType::kText:
      return "a text";
    case SettingType::kInteger:
      return range("a whole number");
    case SettingType::kBytes:
      return range("a number of bytes such as 512, 64KiB or 2GiB");
    case SettingType::kDuration:
      return "a duration such as 200ms, 30s or 90d, or 0";
    case SettingType::kBoolean:
      return "true or false";
    case SettingType::kWord:
      return fmt::format("one of {}", fmt::join(setting.words, ", "));
    case SettingType::kTexts:
      return "a list of texts";
  }
  return {};
}

bool fits(const Setting& setting, std::string_view text) {
  const auto in_range = [&](std::optional<std::int64_t> number) {
    return number && *number >= setting.least && *number <= setting.most;
  };
  switch (setting.type) {
    case SettingType::kText:
    case SettingType::kTexts:
      return true;
    case SettingType::kInteger:
      return in_range(parse_integer(text));
    case SettingType::kBytes:
      return in_range(parse_bytes(text));
    case SettingType::kDuration:
      return parse_setting_duration(text).has_value();
    case SettingType::kBoolean:
      return text == "true" || text == "false";
    case SettingType::kWord:
      return std::ranges::find(setting.words, text) != setting.words.end();
  }
  return false;
}

// A value of the file as the environment would write it; nothing for a type that no setting has.
std::optional<std::string> text_of(const Setting& setting, const toml::node& node) {
  if (const auto* const value = node.as_string()) {
    // A number in quotes is a text; a duration or a size has to be one.
    if (setting.type == SettingType::kInteger || setting.type == SettingType::kBoolean) {
      return std::nullopt;
    }
    return value->get();
  }
  if (const auto* const value = node.as_integer()) {
    if (setting.type == SettingType::kText || setting.type == SettingType::kWord) {
      return std::nullopt;
    }
    return std::to_string(value->get());
  }
  if (const auto* const value = node.as_boolean()) return value->get() ? "true" : "false";
  if (const auto* const list = node.as_array();
      list != nullptr && setting.type == SettingType::kTexts) {
    std::vector<std::string> parts;
    for (const toml::node& one : *list) {
      const auto* const part = one.as_string();
      if (part == nullptr || part->get().find(',') != std::string::npos) return std::nullopt;
      parts.push_back(part->get());
    }
    return fmt::format("{}", fmt::join(parts, ","));
  }
  return std::nullopt;
}

std::string upper(std::string_view text, char between) {
  std::string result;
  for (const char letter : text) {
    if (letter == '.' || letter == '_') {
      result += between;
    } else {
      result += letter >= 'a' && letter <= 'z' && between == '_' ? static_cast<char>(letter - 32)
                                                                 : letter;
    }
  }
  return result;
}

std::string in_quotes(std::string_view text) {
  std::string result = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') result += '\\';
    if (static_cast<unsigned char>(letter) < 0x20) {
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(letter));
    } else {
      result += letter;
    }
  }
  return result + '"';
}

std::string written(const Setting& setting, const std::string& text) {
  switch (setting.type) {
    case SettingType::kInteger:
    case SettingType::kBoolean:
      return text;
    case SettingType::kTexts: {
      std::vector<std::string> parts;
      for (const std::string& part : split(text)) parts.push_back(in_quotes(part));
      return fmt::format("[{}]", fmt::join(parts, ", "));
    }
    default:
      return in_quotes(text);
  }
}
std::string_view table_of(std::string_view name) { return name.substr(0, name.rfind('.')); }
}  // namespace

std::string environment_name(const Setting& setting) {
  return "TOCSIN_" + upper(setting.name, '_');
}
std::string option_name(const Setting& setting) { return "--" + upper(setting.name, '-'); }

Configuration::Configuration(std::span<const Setting> settings) : settings_(settings) {
  for (const Setting& setting : settings) {
    TOCSIN_ASSERT(fits(setting, setting.standard), "a standard value is one");
    values_[std::string(setting.name)] = {std::string(setting.standard), "default"};
  }
}

const Setting* Configuration::find(std::string_view name) const {
  const auto found = std::ranges::find(settings_, name, &Setting::name);
  return found == settings_.end() ? nullptr : &*found;
}

Result<void> Configuration::set(const Setting& setting, std::string text, std::string origin) {
  if (!fits(setting, text)) {
    return fail(Errc::kInvalidArgument, fmt::format("{}: {} takes {}, not {}", origin, setting.name,
                                                    wanted(setting), text));
  }
  values_[std::string(setting.name)] = {std::move(text), std::move(origin)};
  return {};
}

Result<void> Configuration::read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Errc::kNotFound, "cannot read the configuration: " + path);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return fail(Errc::kIo, "cannot read the configuration: " + path);
  return read_text(text, path);
}

Result<void> Configuration::read_text(std::string_view text, const std::string& name) {
  toml::table table;
  try {
    table = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    return fail(Errc::kInvalidArgument,
                fmt::format("{}:{}:{}: no TOML: {}", name, error.source().begin.line,
                            error.source().begin.column, error.description()));
  }
  std::vector<std::string> faults;
  std::vector<std::string> known;
  for (const Setting& setting : settings_) known.emplace_back(setting.name);
  const auto take = [&](const std::string& full, const toml::node& node) {
    const auto& at = node.source().begin;
    const std::string place = fmt::format("{}:{}:{}", name, at.line, at.column);
    const Setting* const setting = find(full);
    if (setting == nullptr) {
      const auto meant = rules::nearest(full, known);
      faults.push_back(fmt::format("{}: there is no setting {}{}", place, full,
                                   meant ? fmt::format("; did you mean {}?", *meant) : ""));
      return;
    }
    std::optional<std::string> value = text_of(*setting, node);
    if (!value || !fits(*setting, *value)) {
      faults.push_back(fmt::format("{}: {} takes {}{}", place, full, wanted(*setting),
                                   value ? ", not " + *value : ""));
      return;
    }
    values_[full] = {std::move(*value), fmt::format("{}:{}", name, at.line)};
  };
  const auto walk = [&](const auto& self, const toml::table& from,
                        const std::string& prefix) -> void {
    for (const auto& [key, node] : from) {
      const std::string full = prefix + std::string(key.str());
      if (const toml::table* const inner = node.as_table()) {
        self(self, *inner, full + ".");
      } else {
        take(full, node);
      }
    }
  };
  walk(walk, table, "");
  if (faults.empty()) return {};
  return fail(Errc::kInvalidArgument, fmt::format("{}", fmt::join(faults, "\n")));
}

Result<void> Configuration::read_environment(
    const std::function<std::optional<std::string>(const std::string&)>& value_of) {
  for (const Setting& setting : settings_) {
    const std::string name = environment_name(setting);
    std::optional<std::string> value = value_of(name);
    if (!value) continue;
    if (auto done = set(setting, std::move(*value), name); !done) return done;
  }
  return {};
}

Result<void> Configuration::set_option(const std::string& option, const std::string& value) {
  for (const Setting& setting : settings_) {
    if (option_name(setting) == option) return set(setting, value, option);
  }
  return fail(Errc::kInvalidArgument, "there is no option " + option);
}

const std::string& Configuration::text(std::string_view name) const {
  const auto found = values_.find(name);
  TOCSIN_ASSERT(found != values_.end(), "a setting that there is");
  return found->second.text;
}
std::int64_t Configuration::integer(std::string_view name) const {
  return *parse_bytes(text(name));
}
cep::Duration Configuration::duration(std::string_view name) const {
  return *parse_setting_duration(text(name));
}
bool Configuration::boolean(std::string_view name) const { return text(name) == "true"; }
std::vector<std::string> Configuration::texts(std::string_view name) const {
  return split(text(name));
}
const std::string& Configuration::origin(std::string_view name) const {
  const auto found = values_.find(name);
  TOCSIN_ASSERT(found != values_.end(), "a setting that there is");
  return found->second.origin;
}

void Configuration::keep(std::string_view name, std::string value, std::string origin,
                         std::string_view remark) {
  SettingValue& said = values_.find(name)->second;
  if (said.origin == "default") {
    said = {std::move(value), std::move(origin)};
  } else {
    said.origin += remark;
  }
}

std::string Configuration::explain() const {
  std::string result;
  std::string_view table;
  for (const Setting& setting : settings_) {
    if (table_of(setting.name) != table) {
      table = table_of(setting.name);
      result += fmt::format("{}[{}]\n", result.empty() ? "" : "\n", table);
    }
    const SettingValue& value = values_.find(setting.name)->second;
    result += fmt::format("{} = {}  # {}\n", setting.name.substr(table.size() + 1),
                          written(setting, value.text), value.origin);
  }
  return result;
}
}  // namespace tocsin::api
