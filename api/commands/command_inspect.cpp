#include "api/commands/command_inspect.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/base/choice_option.h"
#include "api/base/output_file.h"
#include "api/node/node_report.h"
#include "api/node/offline_node.h"
#include "api/rules/key_text.h"
#include "cep/engine/key_report.h"
#include "cep/plan/rule.h"
#include "cep/value/identity.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
namespace {
using Json = nlohmann::ordered_json;

struct InspectOptions {
  std::string folder;
  std::vector<std::string> key;
  std::string rule;
  std::string format = "text";
};

std::string overview_text(const std::string& folder, OfflineNode& offline) {
  runtime::Node& node = offline.node();
  const runtime::Recovery& recovery = node.recovery();
  std::string text = fmt::format("{}, {}, up to record {}\n",
                                 offline.is_savepoint() ? "savepoint" : "data directory", folder,
                                 node.next_sequence() - 1);
  text += fmt::format("  timeline    {}\n", cep::hex(node.timeline().id));
  if (recovery.checkpoint != 0) {
    text += fmt::format("  checkpoint  {}, made {}, {} behind\n", recovery.checkpoint,
                        cep::format_time(recovery.checkpoint_taken_at),
                        rules::format_count(recovery.records, "record"));
  }
  return text + node_text(node);
}

Json overview_json(const std::string& folder, OfflineNode& offline) {
  runtime::Node& node = offline.node();
  const runtime::Recovery& recovery = node.recovery();
  Json json = {{"folder", folder},
               {"savepoint", offline.is_savepoint()},
               {"checkpoint", recovery.checkpoint == 0 ? Json(nullptr) : Json(recovery.checkpoint)},
               {"records_behind", recovery.records}};
  json.update(node_json(node));
  return json;
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
  const auto parts = key_parts(key);
  if (!parts) return stop(ExitCode::kUsage, "--key: " + parts.error().message);
  Result<std::vector<cep::KeyReport>> reports =
      key_reports(offline.node(), offline.program(), *parts);
  if (!reports) return stop(ExitCode::kUsage, reports.error().message);
  return *std::move(reports);
}

Outcome<std::string> show_key(OfflineNode& offline, const InspectOptions& options) {
  const Outcome<std::vector<cep::KeyReport>> reports = reports_of(offline, options.key);
  if (!reports) return tl::unexpected(reports.error());
  const cep::Plan& plan = offline.program().plan();
  if (options.format == "json") {
    std::string json = "[";
    for (const cep::KeyReport& report : *reports) {
      if (json.size() > 1) json += ',';
      json += key_report_json(plan, report);
    }
    return json + "]\n";
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
    return end_with(ExitCode::kUsage, "--key and --rule exclude each other");
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
      "inspect",
      "Show the contents of a data directory or savepoint: inputs, time, state, one key");
  command
      ->add_option("FOLDER", options->folder,
                   "A data directory (`run --data`), or the folder of a savepoint")
      ->type_name("FOLDER")
      ->required();
  command
      ->add_option("--key", options->key,
                   "Show what is remembered of this key, such as card=c1; a key of several parts "
                   "takes several --key")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command
      ->add_option("--rule", options->rule,
                   "Show only what is remembered for the rule with this id")
      ->type_name("ID");
  add_choice(*command, "--format", options->format, "text|json",
             "The output format (default: text)");
  command->footer(
      R"(Nothing is changed. A run may be using the data directory: the command shows what is in its journal up
to now. The state is rebuilt from the newest checkpoint and the journal, with the rules stored in the
folder. The rule files are not needed, but input files that were read since the checkpoint are.

Examples:
  tocsin inspect data
  tocsin inspect data --key card=c1
  tocsin inspect data/savepoints/before-easter --format json)");
  command->callback([&chosen, options] { chosen.run = [options] { return inspect(*options); }; });
}
}  // namespace tocsin::api
