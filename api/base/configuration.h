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
/// How a setting is written on the command line.
enum class OptionForm : std::uint8_t {
  kValue,   // --name VALUE
  kFlag,    // --name is true
  kSwitch,  // --name is true, --no-name false
  kNone,    // not as an option: as an argument, which the command adds
};
/// What may be set. In the file it is `name` below its table: `[http] body_bytes_max = "64MiB"`; in
/// the environment TOCSIN_HTTP_BODY_BYTES_MAX, on the command line --http-body-bytes-max, or as
/// `option` says.
struct Setting {
  std::string_view name;  // "http.body_bytes_max"
  SettingType type = SettingType::kText;
  std::string_view standard;  // the value without any other, as in the environment; empty: none
  std::string_view description;
  std::int64_t least = 0;  // of kInteger, kBytes and kDuration (microseconds)
  std::int64_t most = INT64_MAX;
  std::string_view words = {};   // "side|clamp"
  std::string_view option = {};  // names with dashes, separated by commas; the last is shown
  std::string_view value = {};   // what help calls the value, such as "FILE"; empty: by its type
  std::string_view group = "Settings";  // in the help
  OptionForm form = OptionForm::kValue;
  bool zero_is_none = false;    // 0 switches it off, as does no value
  std::string_view needs = {};  // the name of a setting without which it means nothing
  std::string_view kept = {};   // the name under which a data directory keeps it; empty: it is not
};
std::string environment_name(const Setting& setting);
std::string option_name(const Setting& setting);  // with its dashes
std::string value_name(const Setting& setting);   // "SIZE", "side|clamp"

/// A value and where it came from: "default", "FILE:LINE", "TOCSIN_…", "--…".
struct SettingValue {
  std::string text;
  std::string origin;
  bool is_none = false;  // nothing was said, or 0 where that is nothing
};
/// Values of options by option_name(), as the command line has them.
using OptionValues = std::map<std::string, std::string, std::less<>>;
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
  /// If nobody set a setting, it becomes `value`, which is from `origin`; an empty one is none.
  /// Else `remark` is added to where the value came from. Fails with kInvalidArgument for a value
  /// of another type.
  Result<void> keep(std::string_view name, std::string value, std::string origin,
                    std::string_view remark);
  /// Sets one by its option_name(), as the command line says.
  Result<void> set_option(const std::string& option, const std::string& value);
  /// Sets all of them, in the order of the settings.
  Result<void> set_options(const OptionValues& options);

  std::span<const Setting> settings() const { return settings_; }
  /// Whether anything but the standard value was set.
  bool is_set(std::string_view name) const { return origin(name) != "default"; }
  const std::string& text(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;  // of kInteger and kBytes
  cep::Duration duration(std::string_view name) const;
  /// Nothing where there is no value, or a 0 that means none.
  std::optional<cep::Duration> duration_limit(std::string_view name) const;
  std::optional<std::uint64_t> size_limit(std::string_view name) const;
  bool is_none(std::string_view name) const { return value(name).is_none; }
  bool boolean(std::string_view name) const;
  std::vector<std::string> texts(std::string_view name) const;
  const std::string& origin(std::string_view name) const;
  /// The effective configuration as a TOML file, a comment behind each value saying where it came
  /// from.
  std::string explain() const;

 private:
  const Setting* find(std::string_view name) const;
  const SettingValue& value(std::string_view name) const;
  void put(const Setting& setting, std::string text, std::string origin);
  // `subject` begins the message of a failure.
  Result<void> set(const Setting& setting, std::string text, std::string origin,
                   const std::string& subject);

  std::span<const Setting> settings_;
  std::map<std::string, SettingValue, std::less<>> values_;
};
}  // namespace tocsin::api
