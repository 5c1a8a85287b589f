/// Settings from one TOML file, the environment and the command line, the later the stronger, each
/// with where its value came from.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/time.h"

namespace tocsin::api {
enum class SettingType : std::uint8_t {
  kText,
  kInteger,
  kBytes,     // a number, or one with KiB, MiB, GiB: "64MiB"
  kDuration,  // "200ms", "30s", "90d"; "0" is none
  kBoolean,
  kWord,   // one of `words`
  kTexts,  // a list; separated by commas outside the file
};
/// What may be set. In the file it is `name` below its table: `[http] body_bytes_max = "64MiB"`; in
/// the environment TOCSIN_HTTP_BODY_BYTES_MAX, on the command line --http-body-bytes-max.
struct Setting {
  std::string_view name;  // "http.body_bytes_max"
  SettingType type = SettingType::kText;
  std::string_view standard;  // the value without any other, written as in the environment
  std::string_view description;
  std::int64_t least = 0;  // of kInteger and kBytes
  std::int64_t most = INT64_MAX;
  std::vector<std::string_view> words = {};
};
std::string environment_name(const Setting& setting);
std::string option_name(const Setting& setting);  // with its dashes

/// A value and where it came from: "default", "FILE:LINE", "TOCSIN_…", "--…".
struct SettingValue {
  std::string text;
  std::string origin;
};
/// Values that all have their setting's type.
class Configuration {
 public:
  /// The settings' standard values; the settings must outlive it.
  explicit Configuration(std::span<const Setting> settings);
  /// Reads a TOML file. Fails with kInvalidArgument, naming FILE:LINE:COLUMN and the remedy, for
  /// what is no TOML, a name that is no setting (with the one that was meant), a value of another
  /// type; all faults in one message, a line each. kNotFound or kIo where it cannot be read.
  Result<void> read_file(const std::string& path);
  /// The same of text; `name` is for messages.
  Result<void> read_text(std::string_view text, const std::string& name);
  /// Takes what `value_of` has of each setting's environment_name(); names that begin with TOCSIN_
  /// and are none are the caller's to find.
  Result<void> read_environment(
      const std::function<std::optional<std::string>(const std::string&)>& value_of);
  /// Where nobody said anything of a setting, `value` holds, which has its type, and is from
  /// `origin`; else `remark` is added to where the value came from.
  void keep(std::string_view name, std::string value, std::string origin, std::string_view remark);
  /// Sets one by its option_name(), as the command line says.
  Result<void> set_option(const std::string& option, const std::string& value);

  const std::string& text(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;  // of kInteger and kBytes
  cep::Duration duration(std::string_view name) const;
  bool boolean(std::string_view name) const;
  std::vector<std::string> texts(std::string_view name) const;
  const std::string& origin(std::string_view name) const;
  /// The effective configuration as a TOML file, a comment behind each value saying where it came
  /// from.
  std::string explain() const;

 private:
  const Setting* find(std::string_view name) const;
  Result<void> set(const Setting& setting, std::string text, std::string origin);

  std::span<const Setting> settings_;
  std::map<std::string, SettingValue, std::less<>> values_;
};
}  // namespace tocsin::api
