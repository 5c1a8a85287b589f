#include "api/rollout/waiting_change.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "api/base/sealed_json.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
}  // namespace

std::string waiting_change_text(const WaitingChange& waiting) {
  ordered_json approvals = ordered_json::array();
  for (const Approval& one : waiting.approvals) {
    approvals.push_back({{"who", one.who}, {"at", one.at.us}, {"comment", one.comment}});
    if (!one.by.empty()) approvals.back()["by"] = one.by;
  }
  return seal_json({{"id", waiting.id},
                    {"edit", edit_json(waiting.edit)},
                    {"who", waiting.change.who},
                    {"role", role_name(waiting.role)},
                    {"by", waiting.by},
                    {"at", waiting.at.us},
                    {"comment", waiting.change.comment},
                    {"commit", waiting.change.commit},
                    {"ignores_tests", waiting.change.ignores_tests},
                    {"replay_us", waiting.change.replay ? waiting.change.replay->us : 0},
                    {"live_before", waiting.live_before},
                    {"live_after", waiting.live_after},
                    {"approvals", std::move(approvals)}});
}

Result<WaitingChange> parse_waiting_change(const std::string& text, const std::string& path) {
  const auto damaged = [&] {
    return fail(Errc::kCorrupt,
                fmt::format("{} is damaged: it is no change that waits for approval; restore it "
                            "from a copy, or remove it to forget the change",
                            path));
  };
  const Result<ordered_json> json = unseal_json(text, path);
  if (!json) {
    if (json.error().code == Errc::kOtherVersion) return tl::unexpected(json.error());
    return damaged();
  }
  WaitingChange waiting;
  try {
    const std::optional<RuleEdit> edit = parse_edit(json->at("edit"));
    if (!edit) return damaged();
    waiting.edit = *edit;
    waiting.id = json->at("id").get<std::string>();
    waiting.change.who = json->at("who").get<std::string>();
    // Earlier versions wrote neither.
    if (const auto role = parse_role(json->value("role", ""))) waiting.role = *role;
    waiting.by = json->value("by", "");
    waiting.at.us = json->at("at").get<std::int64_t>();
    waiting.change.comment = json->at("comment").get<std::string>();
    waiting.change.commit = json->at("commit").get<std::string>();
    waiting.change.ignores_tests = json->at("ignores_tests").get<bool>();
    if (const auto replay = json->value("replay_us", std::int64_t{0}); replay > 0) {
      waiting.change.replay = cep::Duration{replay};
    }
    waiting.live_before = json->at("live_before").get<std::string>();
    waiting.live_after = json->at("live_after").get<std::string>();
    for (const ordered_json& one : json->at("approvals")) {
      waiting.approvals.push_back({one.at("who").get<std::string>(),
                                   {one.at("at").get<std::int64_t>()},
                                   one.at("comment").get<std::string>(),
                                   one.value("by", "")});
    }
  } catch (const ordered_json::exception&) {
    return damaged();
  }
  return waiting;
}
}  // namespace tocsin::api
