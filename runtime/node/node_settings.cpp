#include "runtime/node/node_settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "cep/base/byte_codec.h"
#include "cep/compile/plan_digest.h"
#include "cep/plan/plan.h"
#include "cep/plan/reference.h"
#include "cep/plan/rule.h"
#include "cep/plan/semantics.h"
#include "cep/value/value.h"

namespace tocsin::runtime {
namespace {
// Of all that decides what becomes of an event before a rule sees it.
cep::Digest digest_of_events(const cep::Plan& plan) {
  std::string bytes;
  ByteWriter writer(bytes);
  for (const cep::EventType& type : plan.event_types) {
    if (type.is_alert()) continue;
    writer.text(type.name);
    writer.text(type.json_type);
    writer.varint(type.fields.size());
    for (const cep::Field& field : type.fields) {
      writer.text(field.name);
      writer.varint(field.path.size());
      for (const std::string& step : field.path) writer.text(step);
      writer.text(cep::type_name(field.type));
      writer.u8(field.optional ? 1 : 0);
    }
    writer.varint(type.time_field.value);
    writer.varint(type.id_field ? type.id_field->value + 1U : 0U);
    writer.i64(type.bound.us);
    const bool is_unique = type.unique.has_value();
    writer.u8(is_unique ? 1 : 0);
    writer.i64(is_unique && type.unique->within ? type.unique->within->us : -1);
  }
  return cep::sha256(bytes);
}

void append_member(std::string& to, std::string_view name, std::string_view value) {
  cep::append_json_string(to, name);
  to += ':';
  cep::append_json_string(to, value);
}
void append_digest(std::string& to, std::string_view name, const cep::Digest& digest) {
  append_member(to, name, cep::hex(digest));
}

std::optional<cep::Digest> parse_digest(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  cep::Digest digest{};
  if (text.size() != digest.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return digest;
}

// Reads members; ok() is false once one was missing or no digest.
class Members {
 public:
  explicit Members(simdjson::dom::object object) : object_(object) {}
  std::string text(std::string_view name) {
    std::string_view value;
    if (object_[name].get(value) != simdjson::SUCCESS) ok_ = false;
    return std::string(value);
  }
  cep::Digest digest(std::string_view name) {
    const std::optional<cep::Digest> value = parse_digest(text(name));
    ok_ = ok_ && value.has_value();
    return value.value_or(cep::Digest{});
  }
  std::uint32_t number(std::string_view name) {
    std::uint64_t value = 0;
    if (object_[name].get(value) != simdjson::SUCCESS || value > UINT32_MAX) ok_ = false;
    return static_cast<std::uint32_t>(value);
  }
  bool ok() const { return ok_; }

 private:
  simdjson::dom::object object_;
  bool ok_ = true;
};

bool read_rules(simdjson::dom::element root, std::vector<RuleSettings>& rules) {
  simdjson::dom::array all;
  if (root["rules"].get(all) != simdjson::SUCCESS) return false;
  for (const simdjson::dom::element element : all) {
    simdjson::dom::object object;
    if (element.get(object) != simdjson::SUCCESS) return false;
    Members members(object);
    RuleSettings rule;
    rule.id = members.text("id");
    rule.state = members.digest("state");
    rule.suppression = members.digest("suppression");
    rule.presentation = members.digest("presentation");
    if (!members.ok()) return false;
    rules.push_back(std::move(rule));
  }
  return true;
}

bool read_options(simdjson::dom::element root, NodeSettings& settings) {
  simdjson::dom::object all;
  if (root["options"].get(all) != simdjson::SUCCESS) return false;
  for (const simdjson::dom::key_value_pair pair : all) {
    std::string_view value;
    if (pair.value.get(value) != simdjson::SUCCESS) return false;
    settings.options.emplace_back(pair.key, value);
  }
  return true;
}

const RuleSettings* find_rule(const std::vector<RuleSettings>& rules, std::string_view id) {
  const auto found = std::ranges::find(rules, id, &RuleSettings::id);
  return found == rules.end() ? nullptr : &*found;
}
}  // namespace

std::string_view NodeSettings::option(std::string_view name) const {
  for (const auto& [known, value] : options) {
    if (known == name) return value;
  }
  return {};
}

std::optional<std::uint64_t> NodeSettings::steps_per_event_max() const {
  const std::string_view value = option(kStepsOption);
  std::uint64_t most = 0;
  const auto read = std::from_chars(value.data(), value.data() + value.size(), most);
  return read.ec == std::errc() ? std::optional(most) : std::nullopt;
}

NodeSettings settings_of(const cep::Program& program,
                         std::vector<std::pair<std::string, std::string>> options) {
  NodeSettings settings;
  settings.semantics = cep::kSemantics;
  const cep::Plan& plan = program.plan();
  const cep::PlanDigests digests = cep::digests(program.impl());
  settings.plan = cep::digest_of(plan);
  settings.events = digest_of_events(plan);
  if (!plan.lists.empty() || !plan.tables.empty()) settings.data = cep::digest_of_data(plan);
  for (std::size_t i = 0; i < plan.rules.size(); ++i) {
    const cep::RuleDigests& rule = digests.rules[i];
    settings.rules.push_back({plan.rules[i].id, rule.state, rule.suppression, rule.presentation});
  }
  std::ranges::sort(options);
  settings.options = std::move(options);
  return settings;
}

std::string write_settings(const NodeSettings& settings) {
  std::string json = fmt::format(R"({{"semantics":{},)", settings.semantics);
  append_digest(json, "plan", settings.plan);
  json += ',';
  append_digest(json, "events", settings.events);
  if (settings.data != cep::Digest{}) {
    json += ',';
    append_digest(json, "data", settings.data);
  }
  json += R"(,"rules":[)";
  for (const RuleSettings& rule : settings.rules) {
    if (!json.ends_with('[')) json += ',';
    json += '{';
    append_member(json, "id", rule.id);
    json += ',';
    append_digest(json, "state", rule.state);
    json += ',';
    append_digest(json, "suppression", rule.suppression);
    json += ',';
    append_digest(json, "presentation", rule.presentation);
    json += '}';
  }
  json += R"(],"options":{)";
  for (const auto& [name, value] : settings.options) {
    if (!json.ends_with('{')) json += ',';
    append_member(json, name, value);
  }
  json += "}}";
  return json;
}

Result<NodeSettings> read_settings(std::string_view json) {
  const auto corrupt = [] { return fail(Errc::kCorrupt, "the settings of a run are damaged"); };
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  simdjson::dom::object object;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS ||
      root.get(object) != simdjson::SUCCESS) {
    return corrupt();
  }
  NodeSettings settings;
  Members members(object);
  settings.semantics = members.number("semantics");
  settings.plan = members.digest("plan");
  settings.events = members.digest("events");
  if (std::string_view data; root["data"].get(data) == simdjson::SUCCESS) {
    settings.data = members.digest("data");
  }
  if (!members.ok() || !read_rules(root, settings.rules) || !read_options(root, settings)) {
    return corrupt();
  }
  return settings;
}

std::string SettingsChange::text() const {
  std::vector<std::string> parts = options;
  parts.insert(parts.end(), rules.begin(), rules.end());
  if (parts.empty() && events) parts.emplace_back("the event types are others");
  if (data) parts.emplace_back("lists or tables declare other entries");
  return fmt::format("{}", fmt::join(parts, ", "));
}

SettingsChange compare_settings(const NodeSettings& before, const NodeSettings& now) {
  SettingsChange change;
  for (const auto& [name, value] : now.options) {
    const std::string_view old = before.option(name);
    if (old == value) continue;
    // What was not said is what data directories of before mean.
    const std::string_view nothing = name == "--unknown-types" ? "ignore"
                                     : name == kStepsOption    ? "the default"
                                                               : "not said";
    const auto word = [&](std::string_view text) { return text.empty() ? nothing : text; };
    change.options.push_back(fmt::format("{} is {}, and was {}", name, word(value), word(old)));
  }
  for (const RuleSettings& rule : now.rules) {
    const RuleSettings* const old = find_rule(before.rules, rule.id);
    if (old == nullptr) {
      change.rules.push_back(fmt::format("rule {} is new", rule.id));
    } else if (old->state != rule.state) {
      change.rules.push_back(fmt::format("rule {} matches otherwise", rule.id));
    } else if (old->suppression != rule.suppression) {
      change.rules.push_back(fmt::format("rule {} holds back otherwise", rule.id));
    } else if (old->presentation != rule.presentation) {
      change.shown.push_back(rule.id);
    }
  }
  for (const RuleSettings& rule : before.rules) {
    if (find_rule(now.rules, rule.id) == nullptr) {
      change.rules.push_back(fmt::format("rule {} is gone", rule.id));
    }
  }
  const bool is_moved =
      change.rules.empty() &&
      !std::ranges::equal(before.rules, now.rules, {}, &RuleSettings::id, &RuleSettings::id);
  if (is_moved) change.rules.emplace_back("the rules come in another order");
  change.events = before.events != now.events;
  change.data = before.data != now.data;
  return change;
}
}  // namespace tocsin::runtime
