#include "api/node/node_report.h"

#include <fmt/format.h>

#include <cctype>

#include "cep/value/identity.h"
#include "rules/text/human_text.h"
#include "runtime/io/topic_partition.h"

namespace tocsin::api {
namespace {
using Json = nlohmann::ordered_json;

const char* state_name(const runtime::NodeSource& source, runtime::SourceState state) {
  if (source.has_ended) return "ended";
  return state == runtime::SourceState::kIdle ? "idle" : "active";
}

// What is known of one source, by the node and by its intake.
struct Source {
  const runtime::NodeSource& node;
  std::optional<runtime::SourceStatus> intake;
};
std::vector<Source> sources_of(const runtime::Node& node) {
  std::vector<Source> sources;
  for (const runtime::NodeSource& source : node.sources()) {
    const std::optional<std::size_t> index = node.intake().find(source.name);
    sources.push_back({source, index ? std::optional(node.intake().status(*index)) : std::nullopt});
  }
  return sources;
}
}  // namespace

std::string time_text(cep::EventTime time) {
  if (time == cep::kEventTimeMin) return "its beginning";
  if (time == cep::kEventTimeMax) return "the end of time";
  return cep::format_time(time);
}

Json time_json(cep::EventTime time) {
  const bool is_known = time != cep::kEventTimeMin && time != cep::kEventTimeMax;
  return is_known ? Json(cep::format_time(time)) : Json(nullptr);
}

std::string holder_of(const runtime::Node& node) {
  const std::optional<std::size_t> holder = node.intake().holder();
  return holder ? std::string(node.intake().status(*holder).name) : std::string();
}

namespace {
bool is_file(const runtime::NodeSource& source) {
  return source.kind == runtime::SourceKind::kByPosition;
}

std::string place_text(const runtime::NodeSource& source) {
  if (runtime::is_partition(source.name))
    return fmt::format("offset {}", rules::format_count(source.next_offset));
  const std::string line = fmt::format("line {}", rules::format_count(source.lines.number));
  return is_file(source) ? fmt::format("{}, byte {}", line, rules::format_count(source.next_offset))
                         : line;
}

Json source_json(const Source& source) {
  const bool is_partition = runtime::is_partition(source.node.name);
  const auto state = source.intake ? source.intake->state : runtime::SourceState::kEnded;
  Json json = {{"name", source.node.name},
               {"kind", is_partition           ? "partition"
                        : is_file(source.node) ? "file"
                                               : "stream"},
               {"state", state_name(source.node, state)},
               {"lines", is_partition ? Json(nullptr) : Json(source.node.lines.number)},
               {"bytes", is_file(source.node) ? Json(source.node.next_offset) : Json(nullptr)},
               {"watermark", source.intake ? time_json(source.intake->watermark) : Json(nullptr)},
               {"waiting", source.intake ? source.intake->waiting : 0}};
  if (is_partition) json["offset"] = source.node.next_offset;
  return json;
}
}  // namespace

std::string node_text(const runtime::Node& node) {
  const cep::EngineStats stats = node.engine_stats();
  const std::string holder = holder_of(node);
  std::string text = fmt::format("  time        {}{}\n", time_text(node.intake().watermark()),
                                 !node.may_take() ? ", and has ended"
                                 : holder.empty() ? ", held by nobody"
                                                  : ", held by " + holder);
  text += fmt::format("  waiting     {}, {}\n",
                      rules::format_count(node.intake().waiting_events(), "event"),
                      rules::format_bytes(node.intake().waiting_bytes()));
  text += fmt::format("  state       {}, {}, {}, {}\n", rules::format_count(stats.keys, "key"),
                      rules::format_bytes(stats.state_bytes),
                      rules::format_count(stats.runs, "partial match"),
                      rules::format_count(stats.timers, "timer"));
  text += "sources\n";
  for (const Source& source : sources_of(node)) {
    text += fmt::format("  {}: {}, {}", source.node.name, place_text(source.node),
                        state_name(source.node, source.intake ? source.intake->state
                                                              : runtime::SourceState::kEnded));
    if (source.intake) {
      text += fmt::format(", its time {}, {} waiting", time_text(source.intake->watermark),
                          rules::format_count(source.intake->waiting, "event"));
    }
    text += '\n';
  }
  return text;
}

Json node_json(const runtime::Node& node) {
  const cep::EngineStats stats = node.engine_stats();
  const std::string holder = holder_of(node);
  Json json = {{"timeline", cep::hex(node.timeline().id)},
               {"next_record", node.next_sequence()},
               {"watermark", time_json(node.intake().watermark())},
               {"watermark_held_by", holder.empty() ? Json(nullptr) : Json(holder)},
               {"time_has_ended", !node.may_take()},
               {"waiting_events", node.intake().waiting_events()},
               {"waiting_bytes", node.intake().waiting_bytes()},
               {"keys", stats.keys},
               {"state_bytes", stats.state_bytes},
               {"runs", stats.runs},
               {"timers", stats.timers},
               {"sources", Json::array()}};
  for (const Source& source : sources_of(node)) json["sources"].push_back(source_json(source));
  return json;
}

std::string totals_text(const std::string& id, const cep::RuleTotals& totals) {
  return fmt::format("  {}: {}, {}, {} held, {}\n", id, rules::format_count(totals.keys, "key"),
                     rules::format_count(totals.runs, "partial match"),
                     rules::format_count(totals.captured_events, "event"),
                     rules::format_bytes(totals.bytes));
}
Json totals_json(const std::string& id, const cep::RuleTotals& totals) {
  return {{"rule", id},
          {"keys", totals.keys},
          {"runs", totals.runs},
          {"events", totals.captured_events},
          {"bytes", totals.bytes}};
}

std::vector<std::string> split_key(std::string_view text) {
  const auto is_word = [](char letter) {
    return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_' || letter == '.';
  };
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != ',') continue;
    std::size_t name_end = i + 1;
    while (name_end < text.size() && is_word(text[name_end])) ++name_end;
    if (name_end == i + 1 || name_end == text.size() || text[name_end] != '=') continue;
    parts.emplace_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  parts.emplace_back(text.substr(begin));
  return parts;
}

Result<std::vector<std::pair<std::string, std::string>>> key_parts(
    const std::vector<std::string>& texts) {
  std::vector<std::pair<std::string, std::string>> parts;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
      return fail(Errc::kInvalidArgument, "a key is NAME=VALUE, such as card=c1, not " + text);
    }
    parts.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return parts;
}

Result<std::vector<cep::KeyReport>> key_reports(
    runtime::Node& node, const cep::Program& program,
    const std::vector<std::pair<std::string, std::string>>& parts) {
  const Result<std::vector<cep::KeyQuery>> queries = cep::find_keys(program, parts);
  if (!queries) return tl::unexpected(queries.error());
  std::vector<cep::KeyReport> reports;
  for (const cep::KeyQuery& query : *queries) reports.push_back(node.engine().report(query));
  return reports;
}
}  // namespace tocsin::api
