#include "api/alerts/triage_request.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "api/alerts/triage_machine.h"
#include "api/rest/problem.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::size_t kCommentBytesMax = std::size_t{16} << 10;
constexpr std::size_t kNameBytesMax = 200;

tl::unexpected<HttpResponse> bad(std::string_view detail) {
  return tl::unexpected(problem_response(ProblemKind::kBadBody, detail));
}
std::string lower_case(std::string text) {
  for (char& letter : text) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return text;
}
}  // namespace

tl::expected<TriageChange, HttpResponse> read_triage_change(const ApiRequest& request,
                                                            const ordered_json& body) {
  const auto text = [&](const char* name) -> std::optional<std::string> {
    if (!body.contains(name)) return "";
    if (!body.at(name).is_string()) return std::nullopt;
    return body.at(name).get<std::string>();
  };
  const auto action = text("action");
  const auto assignee = text("assignee");
  const auto comment = text("comment");
  if (!action || !assignee || !comment) return bad("action, assignee and comment are texts");
  TriageChange change{request.grant.name, {}, *assignee, *comment};
  if (body.contains("action") && *action != "comment") {
    change.action = triage_action_named(*action);
    if (!change.action) {
      return bad(
          fmt::format("action is assign, release, confirm, dismiss, close, reopen or "
                      "comment, not {}",
                      *action));
    }
  }
  const bool assigns = change.action == TriageAction::kAssign;
  if (assigns && change.assignee.empty()) change.assignee = change.who;
  if (!assigns && !change.assignee.empty()) return bad("only assign takes an assignee");
  if (change.assignee.size() > kNameBytesMax)
    return bad(fmt::format("an assignee has at most {} bytes", kNameBytesMax));
  if (!change.action && change.comment.empty()) return bad("an action or a comment is required");
  if (change.comment.size() > kCommentBytesMax)
    return bad(fmt::format("a comment has at most {} bytes", kCommentBytesMax));
  return change;
}

std::string_view name_of(const TriageChange& change) {
  return change.action ? name_of(*change.action) : "comment";
}

tl::expected<TriageList, HttpResponse> read_triage_list(const ordered_json& body) {
  const auto alerts = body.find("alerts");
  if (alerts == body.end() || !alerts->is_array() || alerts->empty() ||
      alerts->size() > kTriageAlertsMax) {
    return bad(fmt::format(R"(alerts is a list of 1 to {} alerts: [{{"id":"…","version":2}}, …])",
                           kTriageAlertsMax));
  }
  TriageList list;
  std::set<std::string> known;
  for (const ordered_json& alert : *alerts) {
    if (!alert.is_object()) return bad(R"(each of alerts is an object: {"id":"…","version":2})");
    for (const auto& [name, value] : alert.items()) {
      if (name != "id" && name != "version")
        return bad(fmt::format("each of alerts has an id and perhaps a version, not {}", name));
    }
    if (!alert.contains("id") || !alert.at("id").is_string())
      return bad("each of alerts has an id, a text");
    const std::string id = alert.at("id").get<std::string>();
    if (!known.insert(lower_case(id)).second)
      return bad(fmt::format("alerts has each alert once, and this one twice: {}", id));
    std::optional<std::uint64_t> version;
    if (alert.contains("version")) {
      if (!alert.at("version").is_number_unsigned())
        return bad("the version of an alert's triage is a whole number");
      version = alert.at("version").get<std::uint64_t>();
    }
    list.ids.push_back(id);
    list.versions.push_back(version);
  }
  return list;
}
}  // namespace tocsin::api
