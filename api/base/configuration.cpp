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
#include "cep/value/time.h"
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
  return cep::parse_duration(text);
}

// How many backslashes stand at a place.
std::size_t backslashes_at(std::string_view text, std::size_t at) {
  const std::size_t end = text.find_first_not_of('\\', at);
  return (end == std::string_view::npos ? text.size() : end) - at;
}
// The texts of a list, between commas. `\,` is a comma in a text; before a comma, `\\` is a
// backslash.
std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  std::string part;
  const auto end_part = [&] {
    const std::size_t begin = part.find_first_not_of(' ');
    if (begin != std::string::npos)
      parts.push_back(part.substr(begin, part.find_last_not_of(' ') - begin + 1));
    part.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t backslashes = backslashes_at(text, i);
    i += backslashes;
    const bool is_comma = i < text.size() && text[i] == ',';
    part.append(is_comma ? backslashes / 2 : backslashes, '\\');
    if (is_comma && backslashes % 2 == 0) {
      end_part();
    } else if (i < text.size()) {
      part += text[i];
    }
  }
  end_part();
  return parts;
}
// What split() makes the same texts of.
std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (std::size_t at = 0; at < parts.size(); ++at) {
    const std::string& part = parts[at];
    for (std::size_t i = 0; i < part.size(); ++i) {
      const std::size_t backslashes = backslashes_at(part, i);
      i += backslashes;
      const bool is_comma = i < part.size() && part[i] == ',';
      const bool ends = i == part.size() && at + 1 < parts.size();
      text.append(is_comma || ends ? 2 * backslashes : backslashes, '\\');
      if (is_comma) text += '\\';
      if (i < part.size()) text += part[i];
    }
    if (at + 1 < parts.size()) text += ',';
  }
  return text;
}

std::vector<std::string_view> words_of(const Setting& setting) {
  std::vector<std::string_view> words;
  for (std::string_view rest = setting.words; !rest.empty();) {
    words.push_back(rest.substr(0, rest.find('|')));
    rest.remove_prefix(std::min(rest.size(), words.back().size() + 1));
  }
  return words;
}

std::string size_text(std::int64_t bytes) {
  for (const auto& [name, unit] : kUnits) {
    if (bytes != 0 && bytes % unit == 0) return fmt::format("{}{}", bytes / unit, name);
  }
  return "0";
}

// "a size such as 64KiB or 2GiB", with its bounds.
std::string wanted_size(const Setting& setting) {
  if (setting.most != INT64_MAX) {
    return fmt::format("a size from {} to {}", size_text(setting.least), size_text(setting.most));
  }
  const char* const bound = setting.least > 0 ? " above 0" : "";
  return fmt::format("a size such as 512, 64KiB or 2GiB{}", bound);
}

// The same of a duration.
std::string wanted_duration(const Setting& setting) {
  const std::string least = cep::format_duration(cep::Duration{setting.least});
  if (setting.most != INT64_MAX) {
    return fmt::format("a duration from {} to {}", least,
                       cep::format_duration(cep::Duration{setting.most}));
  }
  if (setting.least > 1) return fmt::format("a duration of at least {}", least);
  return setting.least > 0 ? "a duration above 0 such as 200ms, 30s or 90d"
                           : "a duration such as 200ms, 30s or 90d, or 0";
}

// What a setting takes, in words.
std::string wanted(const Setting& setting) {
  switch (setting.type) {
    case SettingType::kText:
      return "a text";
    case SettingType::kInteger:
      if (setting.most == INT64_MAX)
        return fmt::format("a whole number of at least {}", setting.least);
      return fmt::format("a whole number from {} to {}", setting.least, setting.most);
    case SettingType::kBytes:
      return wanted_size(setting);
    case SettingType::kDuration:
      return wanted_duration(setting);
    case SettingType::kBoolean:
      return "true or false";
    case SettingType::kWord:
      return fmt::format("one of {}", fmt::join(words_of(setting), ", "));
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
    case SettingType::kDuration: {
      const std::optional<cep::Duration> duration = parse_setting_duration(text);
      return duration && in_range(duration->us) && duration->us <= cep::kEventTimeMax.us;
    }
    case SettingType::kBoolean:
      return text == "true" || text == "false";
    case SettingType::kWord:
      return std::ranges::count(words_of(setting), text) != 0;
  }
  return false;
}

// Whether a value of a setting's type is 0.
bool is_zero(const Setting& setting, std::string_view text) {
  if (setting.type == SettingType::kDuration) return parse_setting_duration(text)->us == 0;
  return parse_bytes(text) == 0;
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
      if (part == nullptr) return std::nullopt;
      parts.push_back(part->get());
    }
    return joined(parts);
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
    if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f) {
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
std::string option_name(const Setting& setting) {
  if (setting.option.empty()) return "--" + upper(setting.name, '-');
  return std::string(setting.option.substr(setting.option.rfind(',') + 1));
}

std::string value_name(const Setting& setting) {
  if (!setting.value.empty()) return std::string(setting.value);
  switch (setting.type) {
    case SettingType::kInteger:
      return "N";
    case SettingType::kBytes:
      return "SIZE";
    case SettingType::kDuration:
      return "DURATION";
    case SettingType::kBoolean:
      return "true|false";
    case SettingType::kWord:
      return std::string(setting.words);
    case SettingType::kText:
    case SettingType::kTexts:
      break;
  }
  return "TEXT";
}

Configuration::Configuration(std::span<const Setting> settings) : settings_(settings) {
  for (const Setting& setting : settings) {
    TOCSIN_ASSERT(setting.standard.empty() || fits(setting, setting.standard),
                  "a standard value is one");
    put(setting, std::string(setting.standard), "default");
  }
}

const Setting* Configuration::find(std::string_view name) const {
  const auto found = std::ranges::find(settings_, name, &Setting::name);
  return found == settings_.end() ? nullptr : &*found;
}

void Configuration::put(const Setting& setting, std::string text, std::string origin) {
  // Of lists that are the same there is one text.
  if (setting.type == SettingType::kTexts) text = joined(split(text));
  const bool is_none = text.empty() || (setting.zero_is_none && is_zero(setting, text));
  values_[std::string(setting.name)] = {std::move(text), std::move(origin), is_none};
}

Result<void> Configuration::set(const Setting& setting, std::string text, std::string origin,
                                const std::string& subject) {
  if (!fits(setting, text)) {
    return fail(Errc::kInvalidArgument,
                fmt::format("{} takes {}, not {}", subject, wanted(setting), text));
  }
  put(setting, std::move(text), std::move(origin));
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
    put(*setting, std::move(*value), fmt::format("{}:{}", name, at.line));
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
    const std::string subject = fmt::format("{}: {}", name, setting.name);
    if (auto done = set(setting, std::move(*value), name, subject); !done) return done;
  }
  return {};
}

Result<void> Configuration::set_option(const std::string& option, const std::string& value) {
  for (const Setting& setting : settings_) {
    if (option_name(setting) != option) continue;
    // A name of its own is what its user knows.
    const std::string subject =
        setting.option.empty() ? fmt::format("{}: {}", option, setting.name) : option;
    return set(setting, value, option, subject);
  }
  return fail(Errc::kInvalidArgument, "there is no option " + option);
}

Result<void> Configuration::set_options(const OptionValues& options) {
  for (const Setting& setting : settings_) {
    const auto found = options.find(option_name(setting));
    if (found == options.end()) continue;
    if (Result<void> done = set_option(found->first, found->second); !done) return done;
  }
  return {};
}

const SettingValue& Configuration::value(std::string_view name) const {
  const auto found = values_.find(name);
  TOCSIN_ASSERT(found != values_.end(), "a setting that there is");
  return found->second;
}
const std::string& Configuration::text(std::string_view name) const { return value(name).text; }
std::int64_t Configuration::integer(std::string_view name) const {
  return *parse_bytes(text(name));
}
cep::Duration Configuration::duration(std::string_view name) const {
  return *parse_setting_duration(text(name));
}
std::optional<cep::Duration> Configuration::duration_limit(std::string_view name) const {
  return is_none(name) ? std::nullopt : std::optional(duration(name));
}
std::optional<std::uint64_t> Configuration::size_limit(std::string_view name) const {
  if (is_none(name)) return std::nullopt;
  return static_cast<std::uint64_t>(integer(name));
}
bool Configuration::boolean(std::string_view name) const { return text(name) == "true"; }
std::vector<std::string> Configuration::texts(std::string_view name) const {
  return split(text(name));
}
const std::string& Configuration::origin(std::string_view name) const { return value(name).origin; }

Result<void> Configuration::keep(std::string_view name, std::string value, std::string origin,
                                 std::string_view remark) {
  if (is_set(name)) {
    values_.find(name)->second.origin += remark;
    return {};
  }
  const Setting& setting = *find(name);
  if (!value.empty() && !fits(setting, value)) {
    return fail(Errc::kInvalidArgument,
                fmt::format("{}: {} takes {}, not {}", origin, name, wanted(setting), value));
  }
  // What is kept as 0 is a value; none is kept as nothing.
  const bool is_none = value.empty();
  values_.find(name)->second = {std::move(value), std::move(origin), is_none};
  return {};
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
