#include "api/trace/step_matches.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/node/node_report.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "library/explain/find_rules.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
// How long a step keeps the engine's thread from events.
constexpr std::chrono::microseconds kWalkStepMost{1'000};
constexpr std::size_t kWalkStepKeysMost = 1'000;
// Of one key, the oldest: each may have taken thousands of events.
constexpr std::size_t kListedMost = 100;

class StepMatchesWalk {
 public:
  explicit StepMatchesWalk(const StepMatchesRequest& request)
      : request_(request), ends_(steady_clock::now() + request.time_max) {}

  // True at its end.
  bool step(const cep::Program& program, cep::Engine& engine) {
    if (!program_ && !begin(program)) return true;
    if (&program.impl() != &program_->impl()) {
      error_ = Error{Errc::kConflict, "the rules changed while keys were read: ask again"};
      return true;
    }
    const auto began = steady_clock::now();
    scan_.keys_max =
        std::min<std::size_t>(kWalkStepKeysMost, request_.examined_max - scan_.examined);
    scan_.is_over = [began] { return steady_clock::now() - began > kWalkStepMost; };
    engine.scan_keys(scan_);
    take();
    out_.at = engine.watermark();
    out_.examined = scan_.examined;
    if (scan_.is_done) return true;
    if (scan_.examined >= request_.examined_max)
      out_.limit = NearKeysLimit::kKeys;
    else if (steady_clock::now() > ends_)
      out_.limit = NearKeysLimit::kTime;
    return out_.limit != NearKeysLimit::kNone;
  }
  Result<StepMatches> result() && {
    if (error_) return tl::unexpected(*std::move(error_));
    return std::move(out_);
  }

 private:
  bool begin(const cep::Program& program) {
    const auto rules = library::find_rules(program.plan(), {request_.rule});
    if (!rules) {
      error_ = rules.error();
      return false;
    }
    program_ = program;
    out_.rule = program.plan().rules[rules->front().value].id;
    scan_.rules.assign(program.plan().rules.size(), false);
    scan_.rules[rules->front().value] = true;
    scan_.matches_max = kListedMost;
    return true;
  }
  void take() {
    for (const cep::ScannedKey& key : scan_.found) {
      for (const cep::ScannedRule& rule : key.rules) {
        if (rule.matches == 0) continue;
        ++out_.keys;
        std::uint64_t counted = rule.complete;
        if (out_.by_step.size() < rule.by_step.size()) out_.by_step.resize(rule.by_step.size());
        for (std::size_t i = 0; i < rule.by_step.size(); ++i) {
          out_.by_step[i] += rule.by_step[i];
          counted += rule.by_step[i];
        }
        out_.complete += rule.complete;
        out_.uncounted += rule.matches - std::min(rule.matches, counted);
      }
    }
    scan_.found.clear();
  }

  const StepMatchesRequest& request_;
  const steady_clock::time_point ends_;
  std::optional<cep::Program> program_;
  cep::KeyScan scan_;
  StepMatches out_;
  std::optional<Error> error_;
};
}  // namespace

Served<Result<StepMatches>> step_matches(const StepMatchesRequest& request,
                                         const EngineWork& work) {
  StepMatchesWalk walk(request);
  const Served<void> done = work([&walk](const cep::Program& program, cep::Engine& engine) {
    return walk.step(program, engine);
  });
  if (!done) return tl::unexpected(done.error());
  return std::move(walk).result();
}

std::string step_matches_json(const StepMatches& found) {
  nlohmann::ordered_json json = {
      {"rule", found.rule},           {"watermark", time_json(found.at)},
      {"by_step", found.by_step},     {"complete", found.complete},
      {"uncounted", found.uncounted}, {"keys", found.keys},
      {"examined", found.examined},   {"all", found.limit == NearKeysLimit::kNone}};
  if (found.limit != NearKeysLimit::kNone)
    json["limited_by"] = found.limit == NearKeysLimit::kKeys ? "keys" : "time";
  return json.dump();
}
}  // namespace tocsin::api
