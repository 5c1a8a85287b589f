#include "api/command_inspect.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/choice_option.h"
#include "api/human_text.h"
#include "api/key_text.h"
#include "api/offline_node.h"
#include "api/output_file.h"
#include "cep/identity.h"
#include "cep/key_report.h"

namespace tocsin::api {
namespace {
using Json = nlohmann::ordered_json;

struct InspectOptions {
  std::string folder;
  std::vector<std::string> key;
  std::string rule;
  std::string format = "text";
};

std::string time_text(cep::EventTime time) {
  if (time == cep::kEventTimeMin) return "its beginning";
  if (time == cep::kEventTimeMax) return "the end of time";
  return cep::format_time(time);
}
Json time_json(cep::EventTime time) {
  const bool is_known = time != cep::kEventTimeMin && time != cep::kEventTimeMax;
  return is_known ? Json(cep::format_time(time)) : Json(nullptr);
}
const char* state_name(const runtime::NodeSource& source, runtime::SourceState state) {
  if (source.has_ended) return "ended";
  return state == runtime::SourceState::kIdle ? "idle" : "active";
}

// What is known of one source, by the node and by its intake.
struct Source {
  const runtime::NodeSource& node;
  std::optional<runtime::SourceStatus> intake;
};
std::vector<Source> sources_of(runtime::Node& node) {
  std::vector<Source> sources;
  for (const runtime::NodeSource& source : node.sources()) {
    const std::optional<std::size_t> index = node.intake().find(source.name);
    sources.push_back({source, index ? std::optional(node.intake().status(*index)) : std::nullopt});
  }
  return sources;
}
std::string holder_of(runtime::Node& node) {
  const std::optional<std::size_t> holder = node.intake().holder();
  return holder ? std::string(node.intake().status(*holder).name) : std::string();
}

std::string overview_text(const std::string& folder, OfflineNode& offline) {
  runtime::Node& node = offline.node();
  const runtime::Recovery& recovery = node.recovery();
  const cep::EngineStats stats = node.engine_stats();
  std::string text = fmt::format("{}, {}, up to record {}\n",
                                 offline.is_savepoint() ? "savepoint" : "data directory", folder,
                                 node.position() - 1);
  text += fmt::format("  timeline    {}\n", cep::hex(node.timeline().id));
  if (recovery.checkpoint != 0) {
    text += fmt::format("  checkpoint  {}, made {}, {} behind\n", recovery.checkpoint,
                        cep::format_time(recovery.checkpoint_taken_at),
                        format_count(recovery.records, "record"));
  }
  const std::string holder = holder_of(node);
  text += fmt::format("  time        {}{}\n", time_text(node.intake().watermark()),
                      node.has_time_ended() ? ", and has ended"
                      : holder.empty()      ? ", held by nobody"
                                            : ", held by " + holder);
  text +=
      fmt::format("  waiting     {}, {}\n", format_count(node.intake().waiting_events(), "event"),
                  format_bytes(node.intake().waiting_bytes()));
  text += fmt::format("  state       {}, {}, {}, {}\n", format_count(stats.keys, "key"),
                      format_bytes(stats.state_bytes), format_count(stats.runs, "partial match"),
                      format_count(stats.timers, "timer"));
  text += "sources\n";
  for (const Source& source : sources_of(node)) {
    const bool is_file = source.node.kind == runtime::SourceKind::kByPosition;
    text += fmt::format(
        "  {}: line {}{}, {}", source.node.name, format_count(source.node.lines.number),
        is_file ? fmt::format(", byte {}", format_count(source.node.next_offset)) : std::string(),
        state_name(source.node,
                   source.intake ? source.intake->state : runtime::SourceState::kEnded));
    if (source.intake) {
      text += fmt::format(", its time {}, {} waiting", time_text(source.intake->watermark),
                          format_count(source.intake->waiting, "event"));
    }
    text += '\n';
  }
  return text;
}

Json overview_json(const std::string& folder, OfflineNode& offline) {
  runtime::Node& node = offline.node();
  const runtime::Recovery& recovery = node.recovery();
  const cep::EngineStats stats = node.engine_stats();
  const std::string holder = holder_of(node);
  Json json = {{"folder", folder},
               {"savepoint", offline.is_savepoint()},
               {"timeline", cep::hex(node.timeline().id)},
               {"next_record", node.position()},
               {"checkpoint", recovery.checkpoint == 0 ? Json(nullptr) : Json(recovery.checkpoint)},
               {"records_behind", recovery.records},
               {"watermark", time_json(node.intake().watermark())},
               {"watermark_held_by", holder.empty() ? Json(nullptr) : Json(holder)},
               {"time_has_ended", node.has_time_ended()},
               {"waiting_events", node.intake().waiting_events()},
               {"waiting_bytes", node.intake().waiting_bytes()},
               {"keys", stats.keys},
               {"state_bytes", stats.state_bytes},
               {"runs", stats.runs},
               {"timers", stats.timers},
               {"sources", Json::array()}};
  for (const Source& source : sources_of(node)) {
    const bool is_file = source.node.kind == runtime::SourceKind::kByPosition;
    const auto state = source.intake ? source.intake->state : runtime::SourceState::kEnded;
    json["sources"].push_back(
        {{"name", source.node.name},
         {"kind", is_file ? "file" : "stream"},
         {"state", state_name(source.node, state)},
         {"lines", source.node.lines.number},
         {"bytes", is_file ? Json(source.node.next_offset) : Json(nullptr)},
         {"watermark", source.intake ? time_json(source.intake->watermark) : Json(nullptr)},
         {"waiting", source.intake ? source.intake->waiting : 0}});
  }
  return json;
}

std::string totals_text(const std::string& id, const cep::RuleTotals& totals) {
  return fmt::format("  {}: {}, {}, {} held, {}\n", id, format_count(totals.keys, "key"),
                     format_count(totals.runs, "partial match"),
                     format_count(totals.captured_events, "event"), format_bytes(totals.bytes));
}
Json totals_json(const std::string& id, const cep::RuleTotals& totals) {
  return {{"rule", id},
          {"keys", totals.keys},
          {"runs", totals.runs},
          {"events", totals.captured_events},
          {"bytes", totals.bytes}};
}

// The rules to be shown: all, or the one that was named.
Outcome<std::vector<std::size_t>> rules_of(const cep::Plan& plan, const std::string& wanted) {
  std::vector<std::size_t> rules;
  for (std::size_t i = 0; i < plan.rules.size(); ++i) {
    if (wanted.empty() || plan.rules[i].id == wanted) rules.push_back(i);
  }
  if (rules.empty() && !wanted.empty()) {
    return stop(ExitCode::kUsage, "there is no rule with the id " + wanted);
  }
  return rules;
}

Outcome<std::vector<cep::KeyReport>> reports_of(OfflineNode& offline,
                                                const std::vector<std::string>& key) {
  std::vector<std::pair<std::string, std::string>> parts;
  for (const std::string& part : key) {
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos) {
      return stop(ExitCode::kUsage, "--key takes NAME=VALUE, such as card=c1, not " + part);
    }
    parts.emplace_back(part.substr(0, equals), part.substr(equals + 1));
  }
  const Result<std::vector<cep::KeyQuery>> queries = cep::find_keys(offline.program(), parts);
  if (!queries) return stop(ExitCode::kUsage, queries.error().message);
  std::vector<cep::KeyReport> reports;
  for (const cep::KeyQuery& query : *queries) {
    reports.push_back(offline.node().engine().report(query));
  }
  return reports;
}

Outcome<std::string> show_key(OfflineNode& offline, const InspectOptions& options) {
  const Outcome<std::vector<cep::KeyReport>> reports = reports_of(offline, options.key);
  if (!reports) return tl::unexpected(reports.error());
  const cep::Plan& plan = offline.program().plan();
  if (options.format == "json") {
    Json json = Json::array();
    for (const cep::KeyReport& report : *reports) json.push_back(key_report_json(plan, report));
    return json.dump() + "\n";
  }
  std::string text;
  for (const std::string& part : options.key) text += (text.empty() ? "" : ", ") + part;
  text += fmt::format(" at {}\n", time_text(offline.node().intake().watermark()));
  for (const cep::KeyReport& report : *reports) text += format_key_report(plan, report);
  return text;
}

Outcome<std::string> show_all(OfflineNode& offline, const InspectOptions& options) {
  const cep::Plan& plan = offline.program().plan();
  const Outcome<std::vector<std::size_t>> rules = rules_of(plan, options.rule);
  if (!rules) return tl::unexpected(rules.error());
  const std::vector<cep::RuleTotals> totals = offline.node().engine().rule_totals();
  if (options.format == "json") {
    Json json = options.rule.empty() ? overview_json(options.folder, offline) : Json::object();
    json["rules"] = Json::array();
    for (const std::size_t i : *rules) {
      json["rules"].push_back(totals_json(plan.rules[i].id, totals[i]));
    }
    return json.dump() + "\n";
  }
  std::string text = options.rule.empty() ? overview_text(options.folder, offline) : "";
  text += "rules\n";
  for (const std::size_t i : *rules) text += totals_text(plan.rules[i].id, totals[i]);
  return text;
}

ExitCode inspect(const InspectOptions& options) {
  if (!options.key.empty() && !options.rule.empty()) {
    return end_with(ExitCode::kUsage, "--key and --rule do not go together");
  }
  Outcome<std::unique_ptr<OfflineNode>> offline = OfflineNode::look(options.folder);
  if (!offline) return end_with(offline.error().code, offline.error().message);
  const Outcome<std::string> text =
      options.key.empty() ? show_all(**offline, options) : show_key(**offline, options);
  if (!text) return end_with(text.error().code, text.error().message);
  Result<OutputFile> output = OutputFile::open("-");
  if (!output) return end_with(ExitCode::kInputOutput, output.error().message);
  Result<void> written = output->write_line(std::string_view(*text).substr(0, text->size() - 1));
  if (written) written = output->close();
  if (!written) return end_with(ExitCode::kInputOutput, written.error().message);
  return ExitCode::kSuccess;
}
}  // namespace

void add_inspect_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command = program.add_subcommand(
      "inspect", "Show what a data directory or savepoint holds: inputs, time, state, one key");
  command
      ->add_option("FOLDER", options->folder,
                   "A data directory (`run --data`), or the folder of a savepoint")
      ->type_name("FOLDER")
      ->required();
  command
      ->add_option("--key", options->key,
                   "What is remembered of this key, such as card=c1; of a key with several parts, "
                   "each with its own --key")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command->add_option("--rule", options->rule, "Only what is remembered for the rule with this id")
      ->type_name("ID");
  add_choice(*command, "--format", options->format, "text|json", "How it is shown (default: text)");
  command->footer(
      R"(Nothing is changed. A run may own the data directory meanwhile: you see all that is in its journal up
to now. The state is made from the newest checkpoint and the journal, by the rules that are kept with
it: the rule files are not needed, input files that were taken since the checkpoint are.

Examples:
  tocsin inspect data
  tocsin inspect data --key card=c1
  tocsin inspect data/savepoints/before-easter --format json)");
  command->callback([&chosen, options] { chosen.run = [options] { return inspect(*options); }; });
}
}  // namespace tocsin::api
