/// What a server's replays of its archive read.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/alerts/silence.h"
#include "api/node/event_answer.h"
#include "api/rest/router.h"
#include "api/trace/key_history.h"
#include "api/trace/near_keys.h"
#include "cep/compile/compile.h"
#include "runtime/effects/effect_store.h"
#include "runtime/event_time/run_options.h"
#include "runtime/io/files.h"

namespace tocsin::api {
class Privacy;
class RuleService;
/// What a server's traces read. All outlives the routes.
struct TraceSource {
  /// The rules that run, with lists and tables of their own; from any thread.
  std::function<Served<cep::Program>()> program;
  /// The answer where `program` refuses.
  std::function<HttpResponse(const Refusal&)> refused;
  runtime::Files& files;
  std::string data;                     // the data directory
  runtime::RunOptions options;          // how event time is read
  const std::atomic<bool>& is_closing;  // the server ends
  const runtime::EffectStore& effects;
  /// The silences that are known.
  std::function<std::vector<std::shared_ptr<const Silence>>()> silences;
  /// The answer to who may not see values of events as they are.
  std::function<std::optional<HttpResponse>(ApiRequest&)> refused_unmasked = {};
  HistoryLimits history = {};
  const RuleService* rules = nullptr;  // earlier versions; null: none are known
  const Privacy* privacy = nullptr;    // null: everybody is shown everything
  /// Runs steps on the engine's thread between slices; from any thread.
  EngineWork engine = {};
};
}  // namespace tocsin::api
