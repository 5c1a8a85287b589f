#include "api/client/server_backtest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/backtest/labels.h"
#include "api/base/command.h"
#include "api/base/output_file.h"
#include "api/client/remote_backtest.h"
#include "runtime/io/rule_files.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

// The rules that are active there.
bool are_live(const std::vector<std::string>& rules) {
  return rules.size() == 1 && rules.front() == "live";
}

Outcome<void> check(const BacktestArguments& arguments) {
  const auto refuse = [](const char* option, const char* why) {
    return stop(ExitCode::kUsage, fmt::format("{} does not go with --server: {}", option, why));
  };
  if (!arguments.run.inputs.empty()) return refuse("--input", "it reads the server's archive");
  if (!arguments.archive.empty()) return refuse("--archive", "it reads the server's own");
  for (const auto& [option, path] :
       {std::pair{"--alerts", &arguments.alerts}, std::pair{"--late", &arguments.late()},
        std::pair{"--dead-letter", &arguments.dead_letter()}}) {
    if (!path->empty()) return refuse(option, "only the report comes back");
  }
  for (const char* const name :
       {"time.out_of_orderness", "time.late_policy", "time.late_max", "time.ahead_max",
        "time.jump_max", "events.unknown_types", "rules.event_steps_max"}) {
    if (!arguments.run.settings.is_set(name)) continue;
    return refuse(name, "events are judged as the server judges them");
  }
  return {};
}

Outcome<ordered_json> read_labels(const std::string& path) {
  const Result<std::string> text = runtime::read_rule_file(path);
  if (!text) return stop(ExitCode::kInputOutput, fmt::format("{}: {}", path, text.error().message));
  if (const Result<Labels> labels = Labels::parse(*text, path); !labels) {
    return stop(ExitCode::kInputOutput, "--labels: " + labels.error().message);
  }
  ordered_json all = ordered_json::array();
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    const std::string line = text->substr(at, end - at);
    if (line.find_first_not_of(" \t\r") != std::string::npos) {
      all.push_back(ordered_json::parse(line));
    }
    at = end + 1;
  }
  return all;
}

Outcome<ordered_json> body_of(const BacktestArguments& arguments) {
  ordered_json body;
  if (are_live(arguments.run.rules)) {
    body = {{"files", ordered_json::object()}, {"patch", true}};
  } else {
    Outcome<ordered_json> files = pack_files_of(arguments.run.rules);
    if (!files) return files;
    body = {{"files", *std::move(files)}};
  }
  body["samples"] = arguments.tally.samples;
  if (!arguments.tally.value.empty()) body["value"] = arguments.tally.value;
  body["vary"] = arguments.varies;
  if (arguments.varies) body["vary_max"] = arguments.variants_max;
  if (!arguments.from.empty()) body["from"] = arguments.from;
  if (!arguments.to.empty()) body["to"] = arguments.to;
  if (!arguments.lists_as_of.empty()) body["lists_as_of"] = arguments.lists_as_of;
  const Configuration& settings = arguments.run.settings;
  if (settings.is_set("time.final_watermark")) {
    body["final_watermark"] = settings.boolean("time.final_watermark");
  }
  if (are_live(arguments.against)) {
    body["against"] = "live";
  } else if (!arguments.against.empty()) {
    Outcome<ordered_json> old = pack_files_of(arguments.against);
    if (!old) return old;
    body["against"] = *std::move(old);
  }
  if (arguments.labels == "triage") {
    body["labels"] = "triage";
  } else if (!arguments.labels.empty()) {
    Outcome<ordered_json> labels = read_labels(arguments.labels);
    if (!labels) return labels;
    body["labels"] = *std::move(labels);
  }
  return body;
}

Outcome<void> write(const std::string& path, std::string text) {
  const auto stopped = [](const Error& error) {
    return stop(ExitCode::kInputOutput, error.message);
  };
  while (text.ends_with('\n')) text.pop_back();
  Result<OutputFile> file = OutputFile::open(path);
  if (!file) return stopped(file.error());
  if (auto written = file->write_line(text); !written) return stopped(written.error());
  if (auto closed = file->close(); !closed) return stopped(closed.error());
  return {};
}

Outcome<void> run(const ServerOptions& server, const BacktestArguments& arguments) {
  if (Outcome<void> good = check(arguments); !good) return good;
  Outcome<ordered_json> body = body_of(arguments);
  if (!body) return tl::unexpected(body.error());
  Outcome<ServerClient> client = ServerClient::open(server);
  if (!client) return tl::unexpected(client.error());
  RemoteBacktest backtest(*client, arguments.run.quiet);
  if (Outcome<void> begun = backtest.start(*std::move(body)); !begun) return begun;
  if (Outcome<void> ended = backtest.wait(); !ended) return ended;
  const std::string terminal = "-";
  for (const auto& [format, path] :
       {std::pair{"text", &terminal}, std::pair{"json", &arguments.json},
        std::pair{"html", &arguments.html}}) {
    if (path->empty()) continue;
    Outcome<ServerAnswer> report = backtest.report(format);
    if (!report) return tl::unexpected(report.error());
    if (Outcome<void> written = write(*path, std::move(report->text)); !written) return written;
  }
  return {};
}
}  // namespace

ExitCode backtest_on_server(const ServerOptions& server, const BacktestArguments& arguments) {
  return with_answers([&] {
    const Outcome<void> done = run(server, arguments);
    return done ? ExitCode::kSuccess : end_with(done.error().code, done.error().message);
  });
}
}  // namespace tocsin::api
