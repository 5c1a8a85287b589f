#include "api/privacy/privacy.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "api/alerts/alert_line.h"
#include "api/alerts/stored_effects.h"
#include "api/base/sealed_json.h"
#include "api/privacy/alert_mask.h"
#include "api/rest/token_store.h"
#include "cep/value/identity.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::size_t kMarkBytes = 6;

ordered_json json_of(const SourcesByName& members) {
  ordered_json json = ordered_json::object();
  for (const auto& [name, sources] : members) json[name] = sources;
  return json;
}
// The rest throws nlohmann's errors for what save() does not write.
SourcesByName members_of(const ordered_json& json) {
  SourcesByName members;
  for (const auto& [name, sources] : json.items()) members[name] = sources.get<FieldNames>();
  return members;
}
FieldSources sources_in(const ordered_json& document) {
  FieldSources sources;
  sources.marked = document.at("marked").get<FieldNames>();
  for (const auto& [type, fields] : document.at("types").items())
    sources.types[type] = members_of(fields);
  for (const auto& [id, rule] : document.at("rules").items()) {
    sources.rules[id] = {members_of(rule.at("key")), members_of(rule.at("fields")),
                         rule.at("message").get<FieldNames>(), rule.at("score").get<FieldNames>()};
  }
  return sources;
}
}  // namespace

Result<PrivacyOptions> privacy_options(const Configuration& configuration) {
  PrivacyOptions options;
  options.roles.clear();
  for (const std::string& name : configuration.texts("privacy.roles")) {
    const std::optional<Role> role = parse_role(name);
    if (!role) {
      return fail(Errc::kInvalidArgument,
                  fmt::format("privacy.roles takes roles such as analyst, not {}", name));
    }
    options.roles.insert(*role);
  }
  for (const std::string& name : configuration.texts("privacy.released")) {
    if (name.find('.') == std::string::npos) {
      return fail(
          Errc::kInvalidArgument,
          fmt::format("privacy.released takes TYPE.FIELD, such as payment.amount, not {}", name));
    }
    options.released.insert(name);
  }
  return options;
}

Result<std::unique_ptr<Privacy>> Privacy::open(const std::string& folder, PrivacyOptions options,
                                               const runtime::StoreReader& effects) {
  std::unique_ptr<Privacy> privacy(new Privacy(folder + "/" + kPrivacyFile, std::move(options)));
  const Result<std::optional<ordered_json>> document = read_sealed_file(privacy->path_);
  if (!document && document.error().code != Errc::kCorrupt) return tl::unexpected(document.error());
  const auto damaged = [&] {
    return fail(Errc::kCorrupt,
                fmt::format("{} is damaged: it does not say what rules show of personal data; put "
                            "back a copy, or remove it, and all alerts until now are masked whole",
                            privacy->path_));
  };
  if (!document) return damaged();
  FieldSources sources;
  if (!*document) {
    const Result<std::uint64_t> last = last_alert_number(effects);
    if (!last) return tl::unexpected(last.error());
    privacy->first_ = *last + 1;
    Result<std::string> key = random_secret();
    if (!key) return tl::unexpected(key.error());
    privacy->key_text_ = *std::move(key);
  } else {
    try {
      privacy->first_ = (*document)->at("first").get<std::uint64_t>();
      privacy->key_text_ = (*document)->at("key").get<std::string>();
      sources = sources_in(**document);
    } catch (const nlohmann::json::exception&) {
      return damaged();
    }
  }
  privacy->key_ = cep::sha256("tocsin marks\n" + privacy->key_text_);
  privacy->known_ = privacy->with(std::move(sources));
  return privacy;
}

Result<void> Privacy::learn_in(const std::string& folder, const runtime::StoreReader& effects,
                               const cep::Plan& plan) {
  const auto document = read_sealed_file(folder + "/" + kPrivacyFile);
  if (document && !*document) return {};
  const Result<std::unique_ptr<Privacy>> privacy = open(folder, {}, effects);
  if (!privacy) return tl::unexpected(privacy.error());
  return (*privacy)->learn(plan);
}

std::shared_ptr<const Privacy::Known> Privacy::with(FieldSources sources) const {
  auto known = std::make_shared<Known>();
  std::ranges::set_difference(sources.marked, options_.released,
                              std::inserter(known->personal, known->personal.end()));
  known->sources = std::move(sources);
  return known;
}

std::shared_ptr<const Privacy::Known> Privacy::known() const {
  const std::lock_guard lock(mutex_);
  return known_;
}

Result<void> Privacy::save(const FieldSources& sources) const {
  ordered_json types = ordered_json::object();
  for (const auto& [type, fields] : sources.types) types[type] = json_of(fields);
  ordered_json rules = ordered_json::object();
  for (const auto& [id, rule] : sources.rules) {
    rules[id] = {{"key", json_of(rule.key)},
                 {"fields", json_of(rule.fields)},
                 {"message", rule.message},
                 {"score", rule.score}};
  }
  return write_private_file(path_, seal_json({{"key", key_text_},
                                              {"first", first_},
                                              {"marked", sources.marked},
                                              {"types", std::move(types)},
                                              {"rules", std::move(rules)}}));
}

Result<void> Privacy::learn(const cep::Plan& plan) {
  const FieldSources fresh = sources_of(plan);
  const std::lock_guard changing(changing_);
  FieldSources sources = known()->sources;
  sources.merge(fresh);
  if (sources == known()->sources) return {};
  if (auto saved = save(sources); !saved) return saved;
  auto next = with(std::move(sources));
  const std::lock_guard lock(mutex_);
  known_ = std::move(next);
  return {};
}

bool Privacy::sees(const TokenGrant& grant) const {
  return grant.scope.pii.value_or(options_.roles.contains(grant.role));
}

bool Privacy::has_marks() const { return !known()->personal.empty(); }

bool Privacy::has_rule(std::string_view id) const { return known()->sources.rules.contains(id); }

bool Privacy::is_personal(const FieldNames& made_of) const {
  const std::shared_ptr<const Known> known = this->known();
  return std::ranges::any_of(
      made_of, [&](const std::string& field) { return known->personal.contains(field); });
}

std::string Privacy::mark(std::string_view json) const {
  const SecretBytes digest = hmac_sha256(key_, json);
  return fmt::format("\"•••{}\"", cep::hex(std::span(digest).first(kMarkBytes)));
}

namespace {
std::string mask_with(const Privacy& privacy, const FieldSources& sources,
                      const FieldNames& personal, std::string_view line, bool all) {
  if (personal.empty()) return std::string(line);
  const AlertMask mask{sources, personal,
                       [&](std::string_view value) { return privacy.mark(value); }};
  return mask_alert(mask, line, all);
}
}  // namespace

std::string Privacy::masked(const runtime::StoredAlert& alert) const {
  const std::shared_ptr<const Known> now = known();
  // Another engine may have a rule of that name that shows other things.
  const bool is_unknown = alert.number < first_ || runtime::is_from_topic(alert);
  return mask_with(*this, now->sources, now->personal, alert.line, is_unknown);
}

std::string Privacy::masked_line(std::string_view line) const {
  const std::shared_ptr<const Known> now = known();
  return mask_with(*this, now->sources, now->personal, line, false);
}

std::function<std::string(std::string_view)> Privacy::masker_of(
    const std::vector<const cep::Plan*>& plans) const {
  FieldSources sources = known()->sources;
  for (const cep::Plan* plan : plans) sources.merge(sources_of(*plan));
  return [this, tried = with(std::move(sources))](std::string_view line) {
    return mask_with(*this, tried->sources, tried->personal, line, false);
  };
}

std::string Privacy::masked_subject(std::string_view subject,
                                    const std::vector<std::string>& rules) const {
  const std::shared_ptr<const Known> now = known();
  if (now->personal.empty()) return std::string(subject);
  const AlertMask mask{now->sources, now->personal, {}};
  const auto is_open = [&](std::string_view name) {
    if (name == "rule" || name == "severity") return true;
    return !rules.empty() && std::ranges::all_of(rules, [&](const std::string& id) {
      const auto rule = now->sources.rules.find(id);
      if (rule == now->sources.rules.end()) return false;
      const AlertSources& own = rule->second;
      return !mask.is_personal(own.key.contains(name) ? own.key : own.fields, name);
    });
  };
  std::string text = "{";
  for (const auto& [name, value] : json_members(subject)) {
    if (text.size() > 1) text += ',';
    text += fmt::format("\"{}\":{}", name, is_open(name) ? std::string(value) : mark(value));
  }
  return text + "}";
}

Result<std::unique_ptr<Privacy>> open_privacy(const Configuration& configuration,
                                              const std::string& folder,
                                              const runtime::StoreReader& effects,
                                              const cep::Plan& plan) {
  Result<PrivacyOptions> options = privacy_options(configuration);
  if (!options) return tl::unexpected(options.error());
  Result<std::unique_ptr<Privacy>> privacy = Privacy::open(folder, *std::move(options), effects);
  if (!privacy) return privacy;
  if (auto learned = (*privacy)->learn(plan); !learned) return tl::unexpected(learned.error());
  return privacy;
}

void Privacy::note_read(ApiRequest& request) const {
  if (has_marks() && sees(request.grant)) request.notes["pii"] = "true";
}
}  // namespace tocsin::api
