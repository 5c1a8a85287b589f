/// What a timeline was begun with, and a later start must fit: the rules by their digests, and the
/// options that alerts depend on. Kept as JSON: arguments of the journal's command `begin`, and in
/// every checkpoint.
///
///   {"semantics":1,"plan":"HEX","events":"HEX","data":"HEX",
///    "rules":[{"id":"card_testing","state":"HEX","suppression":"HEX","presentation":"HEX"},…],
///    "options":{"--late-policy":"side",…}}
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/base/result.h"
#include "cep/engine/engine.h"
#include "cep/value/identity.h"

namespace tocsin::runtime {
struct RuleSettings {
  std::string id;
  cep::Digest state{};
  cep::Digest suppression{};
  cep::Digest presentation{};
  friend bool operator==(const RuleSettings&, const RuleSettings&) = default;
};
/// The option by which a data directory keeps cep::Limits::steps_per_event_max.
inline constexpr std::string_view kStepsOption = "--event-steps-max";

struct NodeSettings {
  std::uint32_t semantics = 0;
  cep::Digest plan{};               // of everything
  cep::Digest events{};             // of the event types
  cep::Digest data{};               // of what lists and tables declare; zeros where there are none
  std::vector<RuleSettings> rules;  // in the plan's order
  /// Names and values as the command line has them, by name.
  std::vector<std::pair<std::string, std::string>> options;

  /// The value of an option; empty where it is not there.
  std::string_view option(std::string_view name) const;
  /// cep::Limits::steps_per_event_max; nothing where the options do not say it.
  std::optional<std::uint64_t> steps_per_event_max() const;
  friend bool operator==(const NodeSettings&, const NodeSettings&) = default;
};
/// Of a program, under these semantics.
NodeSettings settings_of(const cep::Program& program,
                         std::vector<std::pair<std::string, std::string>> options);
/// Equal settings have equal bytes.
std::string write_settings(const NodeSettings& settings);
/// Fails with kCorrupt for anything but what write_settings() gives, newer members aside.
Result<NodeSettings> read_settings(std::string_view json);

/// How settings differ.
struct SettingsChange {
  std::vector<std::string> options;  // "--late-policy is clamp, and was side"
  std::vector<std::string> rules;  // "card_testing is new", "… is gone", "… matches otherwise"
  /// Rules that only show something else: what they remember stays.
  std::vector<std::string> shown;
  bool events = false;  // the event types are others
  bool data = false;    // lists or tables declare something else
  /// Nothing that alerts are raised by: the timeline may go on.
  bool may_go_on() const { return options.empty() && rules.empty() && !events && !data; }
  /// "rule card_testing matches otherwise, …" of all that may not change.
  std::string text() const;
};
SettingsChange compare_settings(const NodeSettings& before, const NodeSettings& now);
}  // namespace tocsin::runtime
