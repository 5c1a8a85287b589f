#include "api/server/rule_activation.h"

#include <chrono>
#include <utility>

#include "api/privacy/privacy.h"
#include "api/server/server_context.h"

namespace tocsin::api {
namespace {
// How often a state of earlier events is kept again because a checkpoint came between.
constexpr int kTriesMax = 5;
// A run that cannot catch up with the node goes into the deploy as it is.
constexpr int kPassesMax = 50;
constexpr std::chrono::milliseconds kLittle{10};

runtime::EarlierEvents earlier_events(const runtime::DataPaths& paths) {
  return {paths.archive, paths.journal, paths.blobs};
}

Result<std::uint64_t> journal_end(NodeService& service) {
  std::uint64_t end = 0;
  const Served<void> asked =
      service.ask([&](runtime::Node& node) { end = node.durable_end(); }, kAskPatience);
  if (!asked) return fail(Errc::kIo, asked.error().detail);
  return end;
}

// Up to now, but for a little, which the node gives it between two of its slices. What came in
// while it was kept is given to it first, and what came in while that was given, and so on.
Result<void> keep_earlier(NodeService& service, runtime::EarlierRun& earlier,
                          runtime::BlobStore& blobs) {
  using std::chrono::steady_clock;
  Result<std::uint64_t> end = journal_end(service);
  Result<void> done = end ? earlier.catch_up(*end) : tl::unexpected(end.error());
  if (done) done = earlier.keep(blobs);
  for (int passes = 0; done && passes < kPassesMax; ++passes) {
    end = journal_end(service);
    const steady_clock::time_point began = steady_clock::now();
    done = end ? earlier.catch_up(*end) : tl::unexpected(end.error());
    if (steady_clock::now() - began < kLittle) break;
  }
  return done;
}

Result<Activated> activate_once(NodeService& service, const runtime::NodeProgram& program,
                                const std::vector<runtime::NamedContents>& texts,
                                std::unique_ptr<runtime::EarlierRun>& earlier) {
  Result<cep::RestoreReport> report;
  Activated activated;
  bool is_begun = false;
  const auto step = [&](runtime::Node& node) {
    if (!is_begun) {
      is_begun = true;
      std::unique_ptr<runtime::PastRun> past = std::move(earlier);
      const Result<void> prepared = node.prepare(program, texts, std::move(past));
      // Where it stayed it can be kept again.
      earlier.reset(static_cast<runtime::EarlierRun*>(past.release()));
      if (!prepared) report = tl::unexpected(prepared.error());
      return !prepared.has_value();
    }
    if (!node.is_preparing()) {
      report = fail(Errc::kConflict, "a savepoint was made meanwhile: ask again");
      return true;
    }
    if (!node.is_prepared()) return false;
    report = node.activate();
    activated.settings = node.settings();
    activated.record = node.next_sequence() - 1;
    return true;
  };
  const Served<void> asked = service.pursue(step, kAskPatience);
  if (!asked) return fail(Errc::kIo, asked.error().detail);
  if (!report) return tl::unexpected(report.error());
  activated.report = *std::move(report);
  return activated;
}
}  // namespace

Result<Activated> activate_rules(NodeService& service, const runtime::NodeProgram& program,
                                 const std::vector<runtime::NamedContents>& texts,
                                 std::unique_ptr<runtime::EarlierRun> earlier,
                                 runtime::BlobStore blobs) {
  for (int tries = 1;; ++tries) {
    if (earlier) {
      if (auto kept = keep_earlier(service, *earlier, blobs); !kept) {
        return tl::unexpected(kept.error());
      }
    }
    Result<Activated> activated = activate_once(service, program, texts, earlier);
    if (activated || !earlier || tries == kTriesMax) return activated;
  }
}

RuleServicePorts rule_ports(NodeService& service, runtime::Files& files, runtime::Clock& clock,
                            const runtime::DataPaths& paths, const runtime::RunOptions& run_options,
                            const WarmUpLimits& limits, Privacy& privacy) {
  const auto warm_up = std::make_shared<WarmUp>(
      files, clock, earlier_events(paths), limits,
      [&service]() -> Result<std::uint64_t> { return journal_end(service); });
  return {
      files,
      clock,
      paths.directory + "/rules",
      paths.blobs,
      [&run_options](const cep::Plan& plan) { return runtime::intake_options(plan, run_options); },
      [&service, &privacy, blobs = runtime::BlobStore::look(files, paths.blobs)](
          const runtime::NodeProgram& program, const std::vector<runtime::NamedContents>& texts,
          std::unique_ptr<runtime::EarlierRun> earlier) -> Result<Activated> {
        if (auto learned = privacy.learn(program.program.plan()); !learned)
          return tl::unexpected(learned.error());
        return activate_rules(service, program, texts, std::move(earlier), blobs);
      },
      [warm_up, has_archive = limits.has_archive](const std::string& etag,
                                                  runtime::NodeProgram program,
                                                  cep::Duration replay) -> Result<WarmUp::Answer> {
        if (!has_archive) {
          return fail(Errc::kUnsupported,
                      "this server keeps no archive: there are no earlier events to go on from "
                      "(archive.enabled)");
        }
        return warm_up->ask(etag, std::move(program), replay);
      },
      [&service](std::uint64_t record) -> Result<void> {
        if (record == 0) return {};
        const Served<void> durable = service.wait_durable(record, kDiskPatience);
        if (!durable) return fail(Errc::kIo, durable.error().detail);
        return {};
      }};
}
}  // namespace tocsin::api
