#include "api/jobs/backtest_work.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/alerts/alert_line.h"
#include "api/backtest/archive_input.h"
#include "api/backtest/archive_question.h"
#include "api/backtest/backtest.h"
#include "api/backtest/report_html.h"
#include "api/backtest/report_json.h"
#include "api/backtest/report_text.h"
#include "runtime/io/worker_threads.h"

namespace tocsin::api {
namespace {
Result<RuleSet> load_set(const RulePack& pack, std::vector<std::string> named) {
  RuleSet set{std::move(named), pack.load()};
  if (!set.loaded.program) {
    return fail(Errc::kInvalidArgument, render_diagnostics(set.loaded, false));
  }
  if (auto refusal = nothing_to_run(set)) return fail(Errc::kInvalidArgument, *refusal);
  return set;
}

std::vector<std::string> rule_files_of(const RulePack& pack) {
  std::vector<std::string> files = pack.paths();
  std::erase_if(files, [](const std::string& path) { return !path.ends_with(".tocsin"); });
  return files;
}

Result<std::optional<Labels>> labels_of(const BacktestResources& resources,
                                        const BacktestRequest& request) {
  if (request.labels) {
    Result<Labels> labels = Labels::parse(*request.labels, "labels");
    if (!labels) return tl::unexpected(labels.error());
    return *std::move(labels);
  }
  if (!request.labels_by_triage) return std::nullopt;
  const auto times = archive_span(request.from, request.to, "`from`, `to`");
  if (!times) return fail(Errc::kInvalidArgument, times.error().message);
  const Result<std::string> lines = resources.triage_labels(*times);
  if (!lines) return tl::unexpected(lines.error());
  if (lines->empty()) {
    return fail(Errc::kInvalidArgument,
                "no alert of this time was confirmed or dismissed: there are no labels by triage");
  }
  Result<Labels> labels = Labels::parse(*lines, "triage");
  if (!labels) return tl::unexpected(labels.error());
  return *std::move(labels);
}

Result<BacktestRules> prepare(const BacktestResources& resources, const BacktestRequest& request,
                              const BacktestControl& control) {
  BacktestRules rules;
  const std::vector<std::string> files = rule_files_of(request.rules);
  Result<RuleSet> fresh = load_set(request.rules, files);
  if (!fresh) return tl::unexpected(fresh.error());
  rules.fresh = *std::move(fresh);
  if (request.against) {
    Result<RuleSet> old = load_set(*request.against, request.against_named);
    if (!old) return tl::unexpected(old.error());
    rules.old = *std::move(old);
  }
  Result<std::optional<Labels>> labels = labels_of(resources, request);
  if (!labels) return tl::unexpected(labels.error());
  rules.labels = *std::move(labels);
  if (!request.varies) return rules;
  if (control.stop_requested()) return fail(Errc::kStopped, "stopped");  // variants take a while
  const auto read = [&](const std::string& path) -> Result<std::string> {
    const auto text = request.rules.file(path);
    if (!text) return fail(Errc::kNotFound, "there is no such file");
    return std::string(*text);
  };
  Result<VariedRules> varied = vary_rules(rules.fresh.loaded, files, read, request.variants_max);
  if (!varied) return tl::unexpected(varied.error());
  rules.varied = *std::move(varied);
  return rules;
}

// A report goes from hand to hand, so its alerts have no personal data, whoever asked for it.
void mask_sample(const BacktestResources::Masker& masker, SampleAlert& sample) {
  std::string masked = masker(sample.json);
  if (masked == sample.json) return;
  sample.json = std::move(masked);
  const auto members_text = [](std::string_view object) {
    std::string text;
    for (const auto& [name, value] : json_members(object)) {
      if (!text.empty()) text += ", ";
      text.append(name).append(" ").append(json_characters(value));
    }
    return text;
  };
  sample.key = members_text(json_member(sample.json, "key"));
  sample.message = json_characters(json_member(sample.json, "message"));
  const std::vector<std::string_view> events = json_elements(json_member(sample.json, "events"));
  sample.events.clear();
  for (const std::string_view event : events) {
    cep::EventTime time;
    const std::string_view ts = json_member(event, "ts");
    std::from_chars(ts.data(), ts.data() + ts.size(), time.us);
    sample.events.push_back(
        fmt::format("{} {}", json_characters(json_member(event, "as")), cep::format_time(time)));
    const std::string fields = members_text(json_member(event, "fields"));
    if (!fields.empty()) sample.events.back() += ": " + fields;
  }
}
void mask_samples(const BacktestRules& rules, const BacktestResources& resources,
                  BacktestReport& report) {
  std::vector<const cep::Plan*> plans = {&rules.fresh.loaded.program->plan()};
  if (rules.old) plans.push_back(&rules.old->loaded.program->plan());
  const BacktestResources::Masker masker = resources.masker_of(plans);
  for (SetFigures* set : {&report.fresh, report.old ? &*report.old : nullptr}) {
    if (set == nullptr) continue;
    for (RuleFigures& rule : set->rules) {
      for (SampleAlert& sample : rule.samples) mask_sample(masker, sample);
    }
  }
}

std::shared_ptr<BacktestRates> rates_of(const BacktestRequest& request,
                                        const BacktestReport& report) {
  auto rates = std::make_shared<BacktestRates>();
  const PackDigests digests = request.rules.digests();
  rates->to_the_end = request.to.empty();
  rates->first_event = report.first_event;
  rates->last_event = report.last_event;
  rates->shared = digests.shared;
  for (const RuleFigures& figures : report.fresh.rules) {
    BacktestRates::Rule& rule = rates->rules[figures.id];
    rule.digest = digests.rules.at(figures.id);
    rule.alerts = figures.alerts;
    for (const auto& [day, alerts] : figures.by_day) {
      if (alerts <= rule.on_that_day) continue;
      rule.busiest_day = day;
      rule.on_that_day = alerts;
    }
  }
  return rates;
}
}  // namespace

Result<StoredReport> run_archive_backtest(const BacktestResources& resources,
                                          const BacktestRequest& request,
                                          const BacktestControl& control) {
  Result<BacktestRules> rules = prepare(resources, request, control);
  if (!rules) return tl::unexpected(rules.error());
  const Outcome<ArchiveInput> archive = ArchiveInput::open(
      resources.files, resources.data, request.from, request.to, request.lists_as_of);
  if (!archive) return fail(Errc::kIo, archive.error().message);
  runtime::RunOptions options = resources.options;
  runtime::WorkerThreads workers(resources.workers);
  options.workers = options.decode_by = &workers;
  options.final_watermark = request.final_watermark;
  options.state_bytes_max = resources.memory_max;
  options.reorder_bytes_max = resources.memory_max;
  options.stop_requested = control.stop_requested;
  TallyOptions tally;
  tally.samples = request.samples;
  tally.facts_max = resources.compare_max;
  tally.value = request.value;
  Backtest backtest(*rules, tally);
  runtime::Sinks sinks;
  sinks.progress = [&](const runtime::Progress& progress) {
    if (progress.bytes_total == 0) return;
    control.progress(std::min(
        1.0, static_cast<double>(progress.bytes_done) / static_cast<double>(progress.bytes_total)));
  };
  const Result<void> done =
      backtest.run({{"the archive of the server"}, &*archive}, options, sinks);
  for (std::string note : backtest.notes().texts) {
    if (note.ends_with('\n')) note.pop_back();
    control.notes->push_back(std::move(note));
  }
  if (!done && done.error().code == Errc::kLimit) {
    return fail(Errc::kLimit, fmt::format("{} (backtests.memory_max): take a shorter time or fewer "
                                          "rules, or raise the limit",
                                          done.error().message));
  }
  if (!done) return tl::unexpected(done.error());
  if (backtest.summary().events == 0) {
    control.notes->push_back("the archive has no events of these types in this time");
  }
  BacktestReport report = backtest.report();
  if (resources.masker_of) mask_samples(*rules, resources, report);
  if (report.events != 0) *control.rates = rates_of(request, report);
  return StoredReport{backtest_json(report), backtest_text(report), backtest_html(report)};
}
}  // namespace tocsin::api
